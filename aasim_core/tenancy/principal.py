"""The authenticated sender of a request: an account, or the holder of a token."""

from dataclasses import dataclass
from typing import Literal

from ..context import Actor


@dataclass(frozen=True, slots=True)
class Principal:
    """A user's session or an API key, in one organization.

    `authz_epoch` counts the changes of rights in the organization: rights loaded for one epoch are valid within it. `scopes` are the
    permissions that an API key is limited to, None for a session; `node_id` is the node that it is limited to, if any. `user_id` of a key
    is its creator. `is_closing` is whether the organization is about to be deleted.
    """

    kind: Literal["user", "api_key"]
    user_id: str
    organization_id: str
    authz_epoch: int
    label: str
    session_id: str | None = None
    api_key_id: str | None = None
    scopes: frozenset[str] | None = None
    node_id: str | None = None
    rate_limit: int | None = None
    is_platform_admin: bool = False
    is_closing: bool = False

    @property
    def id(self) -> str:
        """The id by which limits and idempotency keys are counted: the key itself, or the user over all sessions."""
        return self.api_key_id or self.user_id

    def actor(self, ip: str | None = None) -> Actor:
        """The principal as the event log names it."""
        return Actor(self.kind, self.id, self.label, ip)


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """The holder of a token in a path, such as that of a webhook, in the organization that it belongs to.

    `id` is that of the token's object, by which limits and idempotency keys are counted; `label` is its name in the event log.
    `authz_epoch` is filled in by the core.
    """

    organization_id: str
    id: str
    label: str
    rate_limit: int | None = None
    authz_epoch: int = 0

    def actor(self, ip: str | None = None) -> Actor:
        """The caller as the event log names it: an anonymous one."""
        return Actor("anonymous", None, self.label, ip)


Caller = Principal | TokenCaller
