"""What people do with their own account: see it, change it, change its password or set a new one by mail."""

import re
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from aasim_core import App, Invalid, Problem, Refused, emit, enqueue
from aasim_core.access.records import Grant, Node, Organization, Role, TeamMember
from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, system_scope
from aasim_core.data.records import change, create
from aasim_core.events.log import FAILED
from aasim_core.identity import sessions
from aasim_core.identity.clients import Client
from aasim_core.identity.passwords import require_strong
from aasim_core.identity.principal import Principal
from aasim_core.identity.records import PasswordReset, Session, User
from aasim_core.identity.throttle import Bucket, count_failure, forget, require_patience
from aasim_core.outbound.mail import Mail

from .service import acting_for, subject_of

RESET_MINUTES = 30
#: Links that one account gets in half an hour; more would only fill a mailbox.
_MOST_RESETS = 3
_RESET_SHAPE = re.compile(r"aasim_pr_[A-Za-z0-9_-]{43}")


def describe(app: App, principal: Principal) -> dict[str, Any]:
    """The caller, their organization, and what they hold there."""
    return {
        "user": User.get_by_id(principal.user_id),
        "organization": Organization.get_by_id(principal.organization_id),
        "roles": _held_roles(principal),
        "permissions": sorted(app.rights.of(principal).permissions),
        "features": sorted(plugin.name for plugin in app.plugins.on if app.features.allowed(principal, plugin.name)),
    }


def change_profile(app: App, principal: Principal, values: dict[str, Any]) -> User:
    """Replace the caller's own fields; with ``organization_id``, new tokens are for that one of the caller's organizations."""
    organization_id = values.pop("organization_id", None)
    user: User = User.get_by_id(principal.user_id)
    if organization_id is not None and sessions.home_of(user.id, organization_id) != organization_id:
        raise Invalid({"organization_id": [Problem("invalid_reference", "This is none of your organizations.")]})
    changed = change(user, values)
    if organization_id is not None:
        Session.update(current_organization_id=organization_id).where(Session.id == principal.session_id).execute()
    if changed:
        emit("auth.profile_updated", subject_of(user), changes=changed)
    return user


def change_password(app: App, principal: Principal, client: Client, *, current_password: str, new_password: str) -> int:
    """Set another password, and end the caller's other sessions; returns how many ended.

    Refused ``invalid_credentials`` for a wrong current one, and ``too_many_attempts`` after several; Invalid for a weak new one.
    """
    user: User = User.get_by_id(principal.user_id)
    require_strong(new_password, context=[user.email, user.name], field="new_password")
    limits = app.settings.rate_limits
    buckets = [Bucket(("password", user.id), limits.login_per_account)] if limits.enabled else []
    with app.passwords.turn():
        require_patience(buckets)
        if not app.passwords.verify(user.password_hash, current_password):
            with app.database.transaction():
                count_failure(buckets, limits.login_window_seconds)
                emit("auth.password_change_failed", subject_of(user), outcome=FAILED)
            raise Refused("invalid_credentials", "The current password is wrong.", field="current_password")
        password_hash = app.passwords.hash(new_password)
    with app.database.transaction():
        forget(buckets)
        _set_password(user, password_hash)
        ended = sessions.end_all(user.id, "password_changed", but=principal.session_id)
        emit("auth.password_changed", subject_of(user), data={"sessions": ended})
    return ended


def forgot_password(app: App, email: str) -> None:
    """Have a link mailed to the account of that address, if there is one; it takes the same time if there is none."""
    with system_scope("ask for a mail to an account"), app.database.transaction():
        payload = {"kind": "password_reset", "email": email}
        enqueue("auth.send_mail", payload, unique_key=f"password_reset {email}")


def reset_mail(app: App, email: str, mail_id: str) -> Mail | None:
    """The mail with a fresh link, written just before it is sent so that the link is kept nowhere; None where none is due."""
    with system_scope("make a link for a new password"), app.database.transaction():
        user = User.get_or_none(User.email == email, User.status == "active", User.kind == "person")
        since = now() - timedelta(minutes=RESET_MINUTES)
        if user is None or _resets_since(user.id, since) >= _MOST_RESETS:
            return None
        token = f"aasim_pr_{token_urlsafe(32)}"
        expires_at = now() + timedelta(minutes=RESET_MINUTES)
        create(PasswordReset, user_id=user.id, digest=_digest(token), expires_at=expires_at)
    return Mail(email, "Your new password", _RESET_TEXT.format(name=user.name, url=_base(app), token=token), id=mail_id)


def reset_password(app: App, client: Client, *, token: str, password: str) -> None:
    """Set a new password by a link's token, once, and end every session; Invalid for a token that is not good, or a weak password."""
    with system_scope("set a new password by a link"):
        reset = PasswordReset.get_or_none(PasswordReset.digest == _digest(token)) if _RESET_SHAPE.fullmatch(token) else None
        user = reset and User.get_or_none(User.id == reset.user_id, User.status == "active")
        if user is None or not _is_good(reset):
            raise _spent()
        require_strong(password, context=[user.email, user.name])
        password_hash = app.passwords.hash(password)
        with app.database.transaction(), acting_for(user, client):
            unused = (PasswordReset.user_id == user.id) & PasswordReset.used_at.is_null()
            if not PasswordReset.update(used_at=now()).where(unused, PasswordReset.id == reset.id).execute():
                raise _spent()
            PasswordReset.update(used_at=now()).where(unused).execute()
            _set_password(user, password_hash)
            forget([Bucket(("login account", user.email), 0)])
            ended = sessions.end_all(user.id, "password_reset")
            home = sessions.home_of(user.id) or EVERY_ORGANIZATION
            emit("auth.password_reset", subject_of(user), organization_id=home, data={"sessions": ended})


def _held_roles(principal: Principal) -> list[dict[str, Any]]:
    teams = TeamMember.select(TeamMember.team_id).where(TeamMember.user_id == principal.user_id)
    held = (
        Grant.select(Grant, Role, Node)
        .join(Role, on=(Role.id == Grant.role_id), attr="role")
        .switch(Grant)
        .join(Node, on=(Node.id == Grant.node_id), attr="node")
        .where((Grant.subject_id == principal.user_id) | Grant.subject_id.in_(teams))
        .order_by(Role.name, Grant.id)
    )
    return [
        {
            "role_id": grant.role.id, "role": grant.role.name, "resource_type": grant.node.kind, "resource_id": grant.node.id,
            "source": "team" if grant.subject_type == "team" else grant.source, "expires_at": grant.expires_at,
        }
        for grant in held if grant.expires_at is None or grant.expires_at > now()
    ]  # fmt: skip


def _set_password(user: User, password_hash: str) -> None:
    User.update(password_hash=password_hash, password_changed_at=now()).where(User.id == user.id).execute()


def _resets_since(user_id: str, moment: Any) -> int:
    return int(PasswordReset.select().where(PasswordReset.user_id == user_id, PasswordReset.created_at > moment).count())


def _is_good(reset: PasswordReset) -> bool:
    return bool(reset.used_at is None and reset.expires_at > now())


def _spent() -> Invalid:
    return Invalid({"token": [Problem("invalid_reference", "The link is not good any more; ask for another one.")]})


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _base(app: App) -> str:
    return app.settings.http.public_url.rstrip("/") or f"http://{app.settings.server.bind}"


_RESET_TEXT = """Hello {name},

somebody, probably you, asked for a new password at {url}.
Send this within 30 minutes to set one (it works once):

  POST {url}/api/v1/auth/reset-password
  {{"token": "{token}", "password": "<your new password>"}}

If it was not you, do nothing: your password stays as it is.
"""
