"""A person's own account: read it, change it, change its password."""

from typing import Any

from peewee import JOIN

from aasim_core import App, Invalid, Problem, Refused, emit
from aasim_core.access import grants
from aasim_core.access.records import Grant, Node, Role
from aasim_core.clock import now
from aasim_core.data.records import database_of
from aasim_core.events.records import FAILED
from aasim_core.identity import sessions
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.identity.records import PasswordReset, Session
from aasim_core.identity.throttle import Bucket, count_failure, forget, require_patience
from aasim_core.tenancy import people
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Organization, User

from .event_actors import subject_of


def of(principal: Principal) -> User:
    """The caller's account."""
    user: User = User.get_by_id(principal.user_id)
    return user


def describe(app: App, principal: Principal) -> dict[str, Any]:
    """The caller, their organization, and what they hold there."""
    return {
        "user": of(principal),
        "organization": Organization.get_by_id(principal.organization_id),
        "roles": _held_roles(principal),
        "permissions": sorted(app.rights.of(principal).permissions),
        "features": sorted(plugin.name for plugin in app.plugins.on if app.features.allowed(principal, plugin.name)),
    }


def change_profile(user: User, principal: Principal, values: dict[str, Any]) -> User:
    """Replace the caller's own fields; with ``organization_id``, new tokens are for that one of the caller's organizations.

    Invalid for an organization of others; Refused ``version_conflict`` when somebody else changed the account since it was read.
    """
    organization_id = values.pop("organization_id", None)
    if organization_id is not None:
        _move_session(principal, organization_id)
    changed = people.change(user, values)
    if changed:
        emit("auth.profile_updated", subject_of(user), changes=changed)
    return user


def _move_session(principal: Principal, organization_id: str) -> None:
    sessions.hold(principal.user_id)
    if sessions.home_of(principal.user_id, organization_id) != organization_id:
        raise Invalid({"organization_id": [Problem("invalid_reference", "This is none of your organizations.")]})
    Session.update(current_organization_id=organization_id).where(Session.id == principal.session_id).execute()


def change_password(app: App, principal: Principal, client: Client, *, current_password: str, new_password: str) -> int:
    """Set another password, and end the caller's other sessions; returns how many ended.

    Refused ``invalid_credentials`` for a wrong current one, or one that is not current any more, and ``too_many_attempts`` after several;
    Invalid for a weak new one, or the same one.
    """
    user = of(principal)
    require_strong(new_password, context=[user.email, user.name], field="new_password")
    buckets = _buckets(app, user)
    with app.passwords.turn():
        require_patience(buckets)
        if not app.passwords.verify(user.password_hash, current_password):
            raise _not_current(app, user, buckets)
        _require_another(app, user, new_password)
        password_hash = app.passwords.hash(new_password)
    ended = _exchange_password(user, password_hash, principal, buckets)
    if ended is None:
        raise _not_current(app, user, buckets)
    return ended


def _require_another(app: App, user: User, new_password: str) -> None:
    """Invalid for the password that they have: it would end their other sessions for nothing."""
    if app.passwords.verify(user.password_hash, new_password):
        raise Invalid({"new_password": [Problem("weak_password", "This is your password already; choose another one.")]})


def _buckets(app: App, user: User) -> list[Bucket]:
    limits = app.settings.rate_limits
    bucket = Bucket("failed_password_changes", "account", (user.id,), limits.login_per_account)
    return [bucket] if limits.enabled else []


def _not_current(app: App, user: User, buckets: list[Bucket]) -> Refused:
    """Count and note the failure; returns the refusal."""
    with app.database.transaction():
        count_failure(buckets, app.settings.rate_limits.login_window_seconds)
        emit("auth.password_change_failed", subject_of(user), outcome=FAILED)
    return Refused("invalid_credentials", "The current password is wrong.", field="current_password")


def _exchange_password(user: User, password_hash: str, principal: Principal, buckets: list[Bucket]) -> int | None:
    """Set the password in the place of the one that `user` was read with; None where another request has changed that."""
    with database_of(User).transaction():
        if not set_password(user, password_hash, User.password_hash == user.password_hash):
            return None
        forget(buckets)
        ended = sessions.end_all(user.id, "password_changed", but=principal.session_id)
        emit("auth.password_changed", subject_of(user), data={"sessions": ended})
    return ended


def set_password(user: User, password_hash: str, *conditions: Any) -> bool:
    """Keep the hash of a new password, and make every link that was sent before void. Needs a transaction.

    False, and nothing is written, where the account does not meet the conditions any more.
    """
    moment = now()
    changed = User.update(password_hash=password_hash, password_changed_at=moment)
    if not changed.where(User.id == user.id, *conditions).execute():
        return False
    PasswordReset.update(used_at=moment).where(PasswordReset.user_id == user.id, PasswordReset.used_at.is_null()).execute()
    return True


def _held_roles(principal: Principal) -> list[dict[str, Any]]:
    held: Any = (
        Grant.select(Role.id, Role.name, Node.kind, Node.id, Grant.subject_type, Grant.source, Grant.expires_at)
        .join(Role, on=(Role.id == Grant.role_id))
        .switch(Grant)
        .join(Node, JOIN.LEFT_OUTER, on=(Node.id == Grant.node_id))
        .where(Grant.subject_id.in_(grants.subjects_of(principal.user_id)), grants.in_force(now()))
        .order_by(Role.name, Grant.id)
    )
    return [
        {
            "role_id": role_id, "role": role, "place": {"type": kind, "id": node_id},
            "source": "team" if subject_type == "team" else source, "expires_at": expires_at,
        }
        for role_id, role, kind, node_id, subject_type, source, expires_at in held.tuples()
    ]  # fmt: skip
