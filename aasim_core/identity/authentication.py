"""From the credential of a request to a `Principal`, by one indexed read of everything that may have been revoked."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time
from typing import TYPE_CHECKING, Any

import orjson
import peewee
import structlog

from ..access.records import CLOSING, SUSPENDED, Membership, Organization
from ..clock import from_text, now, to_text
from ..context import organization_scope, system_scope
from ..data.statements import Bind
from ..errors import Refused
from ..ids import is_id
from . import api_keys
from .clients import is_within
from .principal import Principal
from .records import ApiKey, Session, User

if TYPE_CHECKING:
    from ..app import App
    from ..http.request import Request

#: How exact the last use of a session or key is kept: more would be a write for each request.
_SEEN_SECONDS = 60
_NOBODYS = "organization_00000000000000000000000000"
_LONGEST = 1024
_log = structlog.get_logger("aasim.identity")


def authenticate(app: "App", req: "Request", organization_id: str | None = None) -> Principal:
    """Who sent the request, in the organization of that id, or of the header ``X-Organization-Id``, or the credential's own.

    Refused with 401, or with 403 where the credential is good but not for this organization.
    """
    asked = app.hook.authenticate
    foreign: Principal | None = asked(app=app, req=req) if asked.get_hookimpls() else None
    if foreign is not None:
        return foreign
    credential, wanted = bearer_of(req), organization_id or req.env.get("HTTP_X_ORGANIZATION_ID")
    if api_keys.looks_like_key(credential):
        return principal_of_key(app, credential, wanted=wanted, ip=req.remote_addr)
    return principal_of_token(app, credential, wanted=wanted)


def bearer_of(req: "Request") -> str:
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


def principal_of_token(app: "App", token: str, *, wanted: str | None = None) -> Principal:
    """The principal of an access token, in the token's organization or the `wanted` one."""
    claims = app.tokens.verify(token)
    organization_id = _organization(wanted) if wanted is not None else claims.organization_id
    database = app.database
    with organization_scope(organization_id):
        statement = database.statement("authenticate session", _session_query)
        row = statement.run(database, {"session": claims.session_id}).fetchone()
    if row is None:
        raise _ended()
    user_id, status, last_seen, expires, user_status, email, admin, member_status, organization_status, epoch = row
    moment, seen_since = _moments(int(time()))
    is_seen = last_seen >= seen_since
    is_idle = not is_seen and last_seen <= to_text(now() - timedelta(days=app.settings.auth.idle_days))
    if user_id != claims.user_id or status != "active" or user_status != "active" or expires <= moment or is_idle:
        raise _ended()
    _require_member(member_status, organization_status)
    if not is_seen:
        _touch(app, Session, claims.session_id, last_seen, {"last_seen_at": now()})
    return _user(user_id, organization_id, epoch, email, claims.session_id, bool(admin), organization_status == CLOSING)


@lru_cache(maxsize=4096)
def _user(
    user_id: str, organization_id: str, epoch: int, email: str, session_id: str, is_admin: bool, is_closing: bool
) -> Principal:
    """The principal; made once for the requests of a session, since making one takes longer than to look for it."""
    return Principal(
        "user", user_id, organization_id, epoch, email, session_id=session_id, is_platform_admin=is_admin, is_closing=is_closing
    )


def principal_of_key(app: "App", key: str, *, wanted: str | None = None, ip: str | None = None) -> Principal:
    """The principal of an API key; a mistyped one is refused without asking the database."""
    if not api_keys.is_well_formed(key):
        raise _invalid("This is not an API key; it may have been cut or mistyped.")
    digest, moment = api_keys.digest_of(key), to_text(now())
    database = app.database
    with system_scope("find an API key before its organization is known"):
        statement = database.statement("authenticate key", _key_query)
        row = statement.run(database, {"digest": digest}).fetchone()
    if row is None:
        raise _invalid("The API key is not valid.")
    facts = dict(zip(_KEY_FACTS, row, strict=True))
    if not _is_usable(facts, digest, moment):
        raise _invalid("The API key has been disabled, revoked or has expired.")
    organization_id = str(facts["organization_id"])
    if wanted is not None and wanted != organization_id:
        raise _not_a_member()
    _require_member(facts["member_status"], facts["organization_status"])
    _require_address(facts["allowed_ips"], ip)
    if (facts["last_used_at"] or "") < to_text(now() - timedelta(seconds=_SEEN_SECONDS)):
        with organization_scope(organization_id):
            _touch(app, ApiKey, facts["id"], facts["last_used_at"], {"last_used_at": now(), "last_used_ip": ip})
    return Principal(
        "api_key", facts["user_id"], organization_id, facts["epoch"], facts["name"], api_key_id=facts["id"],
        scopes=frozenset(orjson.loads(facts["scopes"])), node_id=facts["project_id"], rate_limit=facts["rate_limit"],
        is_closing=facts["organization_status"] == CLOSING,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _moments(second: int) -> tuple[str, str]:
    """The end of the second since 1970, and since when a use need not be noted again; as texts, made once for its requests.

    What expires within the second is over already.
    """
    return to_text(datetime.fromtimestamp(second + 1, UTC)), to_text(datetime.fromtimestamp(second - _SEEN_SECONDS, UTC))


def _session_query() -> Any:
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


_KEY_FACTS = (
    "id", "organization_id", "user_id", "name", "status", "scopes", "project_id", "allowed_ips", "rate_limit", "expires_at",
    "digest", "previous_expires_at", "last_used_at", "user_status", "member_status", "organization_status", "epoch",
)  # fmt: skip


def _key_query() -> Any:
    return (
        ApiKey.select(
            *(getattr(ApiKey, name) for name in _KEY_FACTS[:13]), User.status, Membership.status, Organization.status,
            Organization.authz_epoch,
        )
        .join(User, on=(User.id == ApiKey.user_id))
        .join(
            Membership, peewee.JOIN.LEFT_OUTER,
            on=(Membership.user_id == ApiKey.user_id) & (Membership.organization_id == ApiKey.organization_id),
        )
        .join(Organization, on=(Organization.id == ApiKey.organization_id))
        .where((ApiKey.digest == Bind("digest")) | (ApiKey.previous_digest == Bind("digest")))
    )  # fmt: skip


def _is_usable(facts: dict[str, Any], digest: str, moment: str) -> bool:
    in_time = facts["expires_at"] is None or facts["expires_at"] > moment
    current = facts["digest"] == digest or (facts["previous_expires_at"] or "") > moment
    return in_time and current and facts["status"] == "active" and facts["user_status"] == "active"


def _organization(text: str) -> str:
    """The id, or one that no organization has: first it is to be seen whether the credential is good."""
    return text if is_id(text, "organization") else _NOBODYS


def _require_member(member_status: str | None, organization_status: str | None) -> None:
    if member_status != "active":
        raise _not_a_member()
    if organization_status == SUSPENDED:
        raise Refused("organization_suspended", "The organization is suspended; ask the people who run this installation.")


def _require_address(allowed_ips: str, ip: str | None) -> None:
    networks = orjson.loads(allowed_ips)
    if networks and not is_within(ip, networks):
        raise Refused("ip_not_allowed", "The API key may not be used from this address.")


def _touch(app: "App", model: Any, record_id: str, seen: str | None, values: dict[str, Any]) -> None:
    """Note the use of a session or key, unless somebody else did meanwhile; a request never fails for it."""
    field = next(iter(values))
    unchanged = getattr(model, field).is_null() if seen is None else getattr(model, field) == from_text(seen)
    try:
        with app.database.transaction():
            model.update(values).where(model.id == record_id, unchanged).execute()
    except peewee.DatabaseError as error:
        _log.warning("last use not noted", reason=type(error).__name__)


def _invalid(message: str) -> Refused:
    return Refused("invalid_token", message)


def _ended() -> Refused:
    return Refused("invalid_token", "The session has ended; log in again.")


def _not_a_member() -> Refused:
    return Refused("permission_denied", "You are not an active member of this organization.")
