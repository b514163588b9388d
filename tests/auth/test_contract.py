"""The contract that every plugin keeps, kept by auth."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.records import create
from aasim_core.identity.records import PasswordReset, User
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World

OLD, NEW = "gravel-tulip-orbit-94", "velvet-canoe-mosaic-31"


def _somebody(world: World, person: Person) -> Mapping[str, Any]:
    """A registration of somebody new."""
    return {"name": "Ada Lovelace", "email": f"{token_urlsafe(8).lower()}@example.com", "password": OLD}


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
    token = f"aasim_pr_{token_urlsafe(32)}"
    with world.app.database.transaction(), system_scope("test"):
        digest = sha256(token.encode()).hexdigest()
        create(PasswordReset, user_id=person.user_id, digest=digest, expires_at=now() + timedelta(minutes=5))
    return {"token": token, "password": NEW}


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
        "POST /auth/login": _account,
        "POST /auth/refresh": _refresh_token,
        "POST /auth/reset-password": _reset_token,
        "POST /auth/change-password": _new_password,
    }
    silent = {
        "POST /auth/refresh": "Every client does it every quarter of an hour.",
        "POST /auth/forgot-password": "It must not show whether there is such an account.",
    }
