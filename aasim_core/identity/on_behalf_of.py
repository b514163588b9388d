"""The principal that a job acts for, with current rights: these may have changed since the job was enqueued."""

from typing import Any

from ..clock import now
from ..context import current_organization
from ..data.compiled import compiled
from ..data.records import find_or_none
from ..data.statements import Bind
from ..tenancy.principal import Principal
from ..tenancy.records import CLOSING, SUSPENDED, Membership, Organization, User
from .records import ApiKey


def principal_now(user_id: str, api_key_id: str | None = None) -> Principal | None:
    """Return the user, or their API key, in the organization in scope; None if they may no longer act there."""
    facts = _facts(user_id)
    if facts is None:
        return None
    label, organization_status, epoch = facts
    closing = organization_status == CLOSING
    if api_key_id is None:
        return Principal("user", user_id, current_organization(), epoch, label, is_closing=closing)
    key: ApiKey | None = find_or_none(ApiKey, api_key_id)
    if key is None or not is_active(key):
        return None
    return Principal(
        "api_key", user_id, current_organization(), epoch, key.name, api_key_id=key.id, scopes=frozenset(key.scopes),
        node_id=key.project_id, is_closing=closing,
    )  # fmt: skip


def is_active(key: ApiKey) -> bool:
    """Return whether the key is usable now."""
    return key.status == "active" and (key.expires_at is None or key.expires_at > now())


def _facts(user_id: str) -> tuple[str, str, int] | None:
    """Return the user's address, and the organization's status and epoch, if user and membership are active and it is not suspended."""
    row: tuple[str, str, int] | None = _standing.one(user_id=user_id)
    return None if row is None or row[1] == SUSPENDED else row


@compiled(Membership)
def _standing() -> Any:
    query = Membership.select(User.email, Organization.status, Organization.authz_epoch)
    query = query.join(User, on=(User.id == Membership.user_id))
    query = query.join_from(Membership, Organization, on=(Organization.id == Membership.organization_id))
    return query.where(Membership.user_id == Bind("user_id"), Membership.status == "active", User.status == "active")
