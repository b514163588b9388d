"""Operations on API keys: create, regenerate, enable or disable, revoke; and their visibility."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from peewee import Case

from aasim_core import App, Refused, emit
from aasim_core.access import grants
from aasim_core.access.rights import Rights
from aasim_core.clock import now, to_text
from aasim_core.data import records
from aasim_core.data.conditions import Condition, all_of, any_of, equals
from aasim_core.data.statements import Bind
from aasim_core.data.views import View
from aasim_core.errors import Invalid, Problem
from aasim_core.identity import api_keys
from aasim_core.identity.records import ApiKey
from aasim_core.secrets import Secret
from aasim_core.tenancy.principal import Principal

from .schemas import DEFAULT_AGE_DAYS

READ, MANAGE = "api_keys:read", "api_keys:manage"

#: Keys as answers have them.
VIEW = View(
    ApiKey,
    {
        "status": Case(
            None, [(ApiKey.status != "active", ApiKey.status), (ApiKey.expires_at <= Bind("moment"), "expired")], "active"
        )
    },
    binds=lambda: {"moment": to_text(now())},
)


# Who may know of which


def is_own(principal: Principal, rights: Rights, key: ApiKey) -> bool:
    """Whether the key acts for the caller; by a key, its owner's others are within its own limits only."""
    mine = key.user_id == principal.user_id
    return mine and (principal.kind == "user" or rights.allows_at(READ, key.project_id))


def is_visible(principal: Principal, rights: Rights, key: ApiKey) -> bool:
    """Return whether the key is visible to the caller; a revoked one is visible to nobody."""
    return key.status != "revoked" and (is_own(principal, rights, key) or rights.allows_at(MANAGE, key.project_id))


def reach(principal: Principal, rights: Rights, *, with_revoked: bool) -> list[Condition]:
    """Return the same for lists, as conditions; revoked keys are listed on request."""
    limits = rights.reach_condition(READ, ApiKey, "project_id") if principal.kind == "api_key" else []
    others = rights.reach_condition(MANAGE, ApiKey, "project_id")

    own = all_of(equals(ApiKey.user_id, principal.user_id), *limits)
    found = [any_of(own, *others)] if others else []
    return found if with_revoked else [*found, Condition(_is_not_revoked)]


def _is_not_revoked() -> Any:
    return ApiKey.status != "revoked"


def status_of(key: ApiKey) -> str:
    """What the key is now, in the words of the answers."""
    if key.status == "active" and key.expires_at is not None and key.expires_at <= now():
        return "expired"
    return str(key.status)


# What happens to a key


def create(values: Mapping[str, Any]) -> tuple[ApiKey, Secret]:
    """Write a new key; returns it with its secret, which is not stored."""
    made = api_keys.generate()
    key: ApiKey = records.create(ApiKey, **values, prefix=made.prefix, last_four=made.last_four, digest=made.digest)
    emit("api_keys.created", key, data={"user_id": key.user_id, "prefix": key.prefix})
    return key, made.secret


def change(key: ApiKey, values: Mapping[str, Any]) -> None:
    """Write what differs."""
    changed = records.change(key, values)
    if changed:
        emit("api_keys.updated", key, changes=changed)


def regenerate(key: ApiKey, overlap_seconds: int, expires_at: datetime | None, *, made_by: str) -> Secret:
    """Regenerate the key; the previous one works for that long, and the one before that no more.

    Refused ``invalid_state`` where the new one would have expired already.
    """
    moment = now()
    if expires_at is None and status_of(key) == "expired":
        raise _expired("give a later expires_at")
    made = api_keys.generate()
    overlap = timedelta(seconds=overlap_seconds)
    previous = {"previous_digest": key.digest, "previous_expires_at": moment + overlap} if overlap else _NO_PREVIOUS
    fresh = {"digest": made.digest, "prefix": made.prefix, "last_four": made.last_four, "rotated_at": moment, "made_by": made_by}
    records.change(key, {**fresh, **previous, "expires_at": expires_at or key.expires_at})
    emit("api_keys.regenerated", key, data={"prefix": key.prefix, "overlap_seconds": overlap_seconds})
    return made.secret


_NO_PREVIOUS: Mapping[str, None] = {"previous_digest": None, "previous_expires_at": None}


def switch(key: ApiKey, status: str) -> None:
    """Let the key be ``active`` or ``disabled``, whatever it is now; Refused ``invalid_state`` for one that has expired."""
    if key.expires_at is not None and key.expires_at <= now():
        raise _expired("change its expires_at, or regenerate it")
    changed = records.change(key, {"status": status, "suspended_at": None})
    if changed:  # also where it was disabled with its user only, and stays so now
        told = {name: change for name, change in changed.items() if name == "status"}
        emit("api_keys.disabled" if status == "disabled" else "api_keys.enabled", key, changes=told)


def revoke(key: ApiKey) -> None:
    """Revoke the key permanently; its record remains for lists of revoked keys."""
    changed = records.change(key, {"status": "revoked", **_NO_PREVIOUS})
    grants.revoke_all(key.id)
    emit("api_keys.revoked", key, changes={"status": changed["status"]})


def _expired(advice: str) -> Refused:
    return Refused("invalid_state", f"The key has expired; {advice}.", meta={"status": "expired"})


# How long a key may live


def default_expiry(app: App, organization_id: str) -> datetime:
    """When a key expires whose maker does not say."""
    return now() + timedelta(days=min(DEFAULT_AGE_DAYS, max_age_days(app, organization_id)))


def max_age_days(app: App, organization_id: str) -> int:
    """How many days a key may live in the organization."""
    return int(app.organization_settings.of(organization_id, "api_keys")["max_age_days"])


def require_good_expiry(app: App, organization_id: str, expires_at: datetime, key: ApiKey | None = None) -> None:
    """Invalid for a moment in the past, or beyond what the key, or one that is made now, may live."""
    if expires_at <= now():
        raise Invalid({"expires_at": [Problem("out_of_range", "This is over; write a time to come.")]})
    days = max_age_days(app, organization_id)
    latest = _born_at(key) + timedelta(days=days)
    if expires_at > latest:
        message = f"A key lives for at most {days} days from when it is made or regenerated; write {to_text(latest)} or earlier."
        raise Invalid({"expires_at": [Problem("out_of_range", message)]})


def _born_at(key: ApiKey | None) -> datetime:
    born_at: datetime = now() if key is None else key.rotated_at or key.created_at
    return born_at
