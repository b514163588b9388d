"""The contract that every plugin keeps, kept by auth."""

from collections.abc import Mapping
from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.identity import invitations, links
from aasim_core.identity.records import EmailVerification, PasswordReset
from aasim_core.tenancy.records import User
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World
from aasim_plugins.auth.models import Registration

OLD, NEW = "gravel-tulip-orbit-94", "velvet-canoe-mosaic-31"


def _somebody(world: World, person: Person) -> Mapping[str, Any]:
    """A registration of somebody new."""
    return {"name": "Ada Lovelace", "email": f"{token_urlsafe(8).lower()}@example.com", "password": OLD}


def _registration_token(world: World, person: Person) -> Mapping[str, Any]:
    """A link that confirms a registration, as a mail would have it."""
    token, digest = links.new_token(links.REGISTRATION)
    somebody = {name: value for name, value in _somebody(world, person).items() if name != "password"}
    known = {"organization_name": "Analytical Engines", "password_hash": world.app.passwords.hash(NEW)}
    waiting = {**known, "expires_at": now() + timedelta(hours=1)}
    with world.app.database.transaction(), system_scope("test"):
        create(Registration, digest=digest, **somebody, **waiting)
    return {"token": token, "password": NEW}


def _account(world: World, person: Person) -> Mapping[str, Any]:
    """The login of somebody who has registered."""
    somebody = _somebody(world, person)
    world.anonymous.post("/auth/register", somebody)
    return {"email": somebody["email"], "password": OLD}


def _refresh_token(world: World, person: Person) -> Mapping[str, Any]:
    """A refresh token that nobody has used."""
    return {"refresh_token": world.anonymous.post("/auth/login", _account(world, person)).data["refresh_token"]}


def _reset_token(world: World, person: Person) -> Mapping[str, Any]:
    """A link to a new password, as a mail would have it."""
    with world.app.database.transaction(), system_scope("test"):
        token = links.make(PasswordReset, links.RESET, timedelta(minutes=5), user_id=person.user_id)
    return {"token": token, "password": NEW}


def _verification_token(world: World, person: Person) -> Mapping[str, Any]:
    """A link that verifies an address, as a mail would have it."""
    with world.app.database.transaction(), system_scope("test"):
        User.update(email_verified_at=None).where(User.id == person.user_id).execute()
        email, hour = User.get_by_id(person.user_id).email, timedelta(hours=1)
        return {"token": links.make(EmailVerification, links.VERIFICATION, hour, user_id=person.user_id, email=email)}


def _invitation_token(world: World, person: Person) -> Mapping[str, Any]:
    """An invitation of the person into an organization that is not theirs."""
    host = world.organization()
    with world.app.database.transaction(), organization_scope(host.organization_id):
        email = User.get_by_id(person.user_id).email
        invitation = invitations.create_invitation(email, "Somebody", host.user_id, place={})
        renewed = invitations.renew(invitation.user_id)
        assert renewed is not None
        return {"invitation_token": renewed[1]}


def _new_password(world: World, person: Person) -> Mapping[str, Any]:
    """The person's password, which they get here, and another one."""
    with world.app.database.transaction(), system_scope("test"):
        User.update(password_hash=world.app.passwords.hash(OLD)).where(User.id == person.user_id).execute()
    return {"current_password": OLD, "new_password": NEW}


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "auth"
    samples = {
        "POST /auth/register": _somebody,
        "POST /auth/confirm-registration": _registration_token,
        "POST /auth/login": _account,
        "POST /auth/refresh": _refresh_token,
        "POST /auth/reset-password": _reset_token,
        "POST /auth/change-password": _new_password,
        "POST /auth/verify-email": _verification_token,
        "POST /auth/accept-invitation": _invitation_token,
    }
    silent = {
        "POST /auth/refresh": "Every client does it every quarter of an hour.",
        "POST /auth/forgot-password": "It must not show whether there is such an account.",
    }
