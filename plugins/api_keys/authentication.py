"""Authenticate an API key by one indexed read of everything that may have been revoked."""

from datetime import timedelta
from typing import Any

import orjson
import peewee

from aasim_core import App, Refused, Request
from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.identity import api_keys
from aasim_core.identity.authentication import SEEN_SECONDS, bearer_of, note_use, require_member
from aasim_core.identity.clients import is_within
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import CLOSING, Membership, Organization, User


def key_in(req: Request) -> str | None:
    """The API key that the request was sent with, if it is one."""
    header = req.env.get("HTTP_AUTHORIZATION")
    if header is None or api_keys.PREFIX not in header:
        return None
    credential = bearer_of(req)
    return credential if api_keys.looks_like_key(credential) else None


def principal_of_key(app: App, key: str, ip: str | None = None) -> Principal:
    """The principal of an API key; a mistyped one is refused without asking the database."""
    if not api_keys.is_well_formed(key):
        raise _invalid("This is not an API key; it may have been cut or mistyped.")
    digest, moment = api_keys.digest_of(key), to_text(now())
    with system_scope("find an API key before its organization is known"):
        row = _key_row.one(digest=digest)
    if row is None:
        raise _invalid("The API key is not valid.")
    facts = dict(zip(_KEY_FACTS, row, strict=True))
    if not _is_usable(facts, digest, moment):
        raise _invalid("The API key has been disabled, revoked or has expired.")
    organization_id = str(facts["organization_id"])
    require_member(facts["member_status"], facts["organization_status"])
    _require_address(facts["allowed_ips"], ip)
    if (facts["last_used_at"] or "") < to_text(now() - timedelta(seconds=SEEN_SECONDS)):
        with organization_scope(organization_id):
            note_use(app.database, ApiKey, facts["id"], facts["last_used_at"], {"last_used_at": now(), "last_used_ip": ip})
    principal = Principal(
        "api_key", facts["user_id"], organization_id, facts["epoch"], facts["name"], api_key_id=facts["id"],
        scopes=frozenset(orjson.loads(facts["scopes"])), node_id=facts["project_id"], rate_limit=facts["rate_limit"],
        is_closing=facts["organization_status"] == CLOSING,
    )  # fmt: skip
    if not app.features.allowed(principal, "api_keys"):
        raise _invalid("API keys are switched off for the organization; log in.")
    return principal


_KEY_FACTS = (
    "id", "organization_id", "user_id", "name", "status", "scopes", "project_id", "allowed_ips", "rate_limit", "expires_at",
    "digest", "previous_expires_at", "last_used_at", "user_status", "member_status", "organization_status", "epoch",
)  # fmt: skip


@compiled(ApiKey)
def _key_row() -> Any:
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


def _require_address(allowed_ips: str, ip: str | None) -> None:
    networks = orjson.loads(allowed_ips)
    if networks and not is_within(ip, networks):
        raise Refused("ip_not_allowed", "The API key may not be used from this address.")


def _invalid(message: str) -> Refused:
    return Refused("invalid_token", message)
