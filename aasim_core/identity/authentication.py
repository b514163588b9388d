"""Authenticate a request: its credential becomes a `Principal` by one indexed read of everything that may have been revoked.

Access tokens are the core's own; other credentials, such as API keys, belong to plugins, by the hook `authenticate`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING, Any

import falcon
import peewee
import structlog

from ..clock import from_text, now, to_text
from ..context import organization_scope
from ..data.compiled import compiled
from ..data.statements import Bind
from ..errors import Refused, not_found
from ..ids import is_id
from ..tenancy.principal import Principal, TokenCaller
from ..tenancy.records import CLOSING, SUSPENDED, Membership, Organization, User
from .records import Session

if TYPE_CHECKING:
    from ..data.database import Database
    from ..settings.sections import AuthSettings
    from .tokens import AccessTokens

#: The precision of a session's or key's last use: a finer one would be a write for each request.
SEEN_SECONDS = 60
_NOBODYS = "organization_00000000000000000000000000"
_LONGEST = 1024
_log = structlog.get_logger("aasim.identity")


class Authenticator:
    """Finds out who sends a request: by an access token of `tokens`, or by what `foreign` makes of it, which plugins know.

    That also returns the fault of a plugin that could not tell, which is raised where a credential is nobody else's.
    """

    def __init__(
        self,
        database: "Database",
        tokens: "AccessTokens",
        auth: "AuthSettings",
        foreign: Callable[[falcon.Request], tuple[Principal | None, Refused | None]],
    ) -> None:
        self._database, self._tokens, self._auth, self._foreign = database, tokens, auth, foreign

    def authenticate(self, req: falcon.Request, organization_id: str | None = None) -> Principal:
        """Who sent the request, in the organization of that id, or of the header ``X-Organization-Id``, or the credential's own.

        Refused with 401, or with 403 where the credential is good but not for this organization.
        """
        wanted = organization_id or req.env.get("HTTP_X_ORGANIZATION_ID")
        found, fault = self._foreign(req)
        if found is None:
            try:
                return self.principal_of_token(bearer_of(req), wanted=wanted)
            except Refused as refused:
                raise (fault if fault is not None and refused.code == "invalid_token" else refused) from None
        if wanted not in (None, found.organization_id):
            raise _not_a_member()
        return found

    def principal_of_token(self, token: str, *, wanted: str | None = None) -> Principal:
        """The principal of an access token, in the token's organization or the `wanted` one."""
        claims = self._tokens.verify(token)
        organization_id = _organization(wanted) if wanted is not None else claims.organization_id
        with organization_scope(organization_id):
            row = _session_row.one(session=claims.session_id)
        if row is None:
            raise _ended()
        user_id, status, last_seen, expires, user_status, email, admin, member_status, organization_status, epoch = row
        moment, seen_since = _moments(int(time()))
        is_seen = last_seen >= seen_since
        is_idle = not is_seen and last_seen <= to_text(now() - timedelta(days=self._auth.idle_days))
        if user_id != claims.user_id or status != "active" or user_status != "active" or expires <= moment or is_idle:
            raise _ended()
        require_member(member_status, organization_status)
        if not is_seen:
            note_use(self._database, Session, claims.session_id, last_seen, {"last_seen_at": now()})
        return _user(user_id, organization_id, epoch, email, claims.session_id, bool(admin), organization_status == CLOSING)


def bearer_of(req: falcon.Request) -> str:
    """The credential in the ``Authorization`` header (RFC 6750)."""
    header: str | None = req.env.get("HTTP_AUTHORIZATION")
    if header is None:
        raise Refused("authentication_required", "This needs a credential; send the header: Authorization: Bearer <token>.")
    scheme, _, credential = header.partition(" ")
    credential = credential.lstrip(" ")
    if scheme.lower() != "bearer" or not _is_token(credential):
        raise _invalid("The credential is not of the form: Authorization: Bearer <token>.")
    return credential


def _is_token(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text


@lru_cache(maxsize=4096)
def _user(
    user_id: str, organization_id: str, epoch: int, email: str, session_id: str, is_admin: bool, is_closing: bool
) -> Principal:
    """The principal; made once for the requests of a session, since making one takes longer than to look for it."""
    return Principal(
        "user", user_id, organization_id, epoch, email, session_id=session_id, is_platform_admin=is_admin, is_closing=is_closing
    )


@lru_cache(maxsize=2)
def _moments(second: int) -> tuple[str, str]:
    """The end of the second since 1970, and since when a use need not be noted again; as texts, made once for its requests.

    What expires within the second is over already.
    """
    return to_text(datetime.fromtimestamp(second + 1, UTC)), to_text(datetime.fromtimestamp(second - SEEN_SECONDS, UTC))


@compiled(Session)
def _session_row() -> Any:
    return (
        Session.select(
            Session.user_id, Session.status, Session.last_seen_at, Session.expires_at, User.status, User.email,
            User.is_platform_admin, Membership.status, Organization.status, Organization.authz_epoch,
        )
        .join(User, on=(User.id == Session.user_id))
        .join(Membership, peewee.JOIN.LEFT_OUTER, on=(Membership.user_id == Session.user_id))
        .join(Organization, peewee.JOIN.LEFT_OUTER, on=(Organization.id == Membership.organization_id))
        .where(Session.id == Bind("session"))
    )  # fmt: skip


def _organization(text: str) -> str:
    """The id, or one that no organization has: first it is to be seen whether the credential is good."""
    return text if is_id(text, "organization") else _NOBODYS


def require_member(member_status: str | None, organization_status: str | None) -> None:
    """Refused for who is no active member of the organization, and where that is suspended."""
    if member_status != "active":
        raise _not_a_member()
    if organization_status == SUSPENDED:
        raise Refused("organization_suspended", "The organization is suspended; ask the people who run this installation.")


def admitted(caller: TokenCaller, *, while_closing: bool) -> TokenCaller:
    """The caller, with the epoch of their organization.

    Refused where that is suspended, and with the one 404 where it is gone or, unless `while_closing`, about to be.
    """
    row = _organization_row.one(id=caller.organization_id)
    if row is None or (row[0] == CLOSING and not while_closing):
        raise not_found()
    require_member("active", row[0])
    return replace(caller, authz_epoch=row[1])


@compiled(Organization)
def _organization_row() -> Any:
    return Organization.select(Organization.status, Organization.authz_epoch).where(Organization.id == Bind("id"))


def note_use(database: "Database", model: Any, record_id: str, seen: str | None, values: dict[str, Any]) -> None:
    """Note the use of a session or key, unless somebody else did meanwhile; a request never fails for it."""
    field = next(iter(values))
    unchanged = getattr(model, field).is_null() if seen is None else getattr(model, field) == from_text(seen)
    try:
        with database.transaction():
            model.update(values).where(model.id == record_id, unchanged).execute()
    except peewee.DatabaseError as error:
        _log.warning("last use not noted", reason=type(error).__name__)


def _invalid(message: str) -> Refused:
    return Refused("invalid_token", message)


def _ended() -> Refused:
    return Refused("invalid_token", "The session has ended; log in again.")


def _not_a_member() -> Refused:
    return Refused("permission_denied", "You are not an active member of this organization.")
