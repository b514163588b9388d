"""The contract that every plugin keeps, kept by users."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from aasim_core.context import system_scope
from aasim_core.data.records import database_of
from aasim_core.identity import invitations
from aasim_core.identity.accounts import create_user
from aasim_core.identity.records import Invitation
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World

VIEWER = {"role": "viewer", "place": {"type": "organization"}}


def _guest(world: World, person: Person) -> Mapping[str, Any]:
    """Somebody who is invited."""
    return {"name": "Grace Hopper", "email": f"{token_hex(8)}@example.com"}


def _accepted(client: Client, path: str) -> None:
    """Whoever is invited has accepted."""
    user_id = path.split("/")[2]
    with system_scope("test"), database_of(Invitation).transaction():
        invitation = Invitation.get(Invitation.user_id == user_id)
        create_user(invitation.email, invitation.name, None, id=user_id)
        invitations.accept((), invitation, user_id)


def _grant(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """A role that the member holds."""
    return str(person.client.post(f"/users/{ids['user_id']}/assign", VIEWER).data["id"])


def _members(world: World, person: Person, number: int) -> None:
    """So many more members."""
    for _ in range(number):
        world.member(person, "viewer")


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "users"
    companions = ("teams",)
    samples = {
        "POST /users": _guest,
        "PUT /users/{user_id}": {"name": "Grace Murray Hopper", "timezone": "America/New_York"},
        "PATCH /users/{user_id}": {"name": "Grace Murray Hopper"},
        "POST /users/{user_id}/assign": VIEWER,
        "PUT /users/{user_id}/status": {"status": "suspended", "reason": "On leave."},
    }
    members = {"/users/{user_id}/assignments/{grant_id}": _grant}
    before = {"PUT /users/{user_id}/status": _accepted}
    rows = {"GET /users/{user_id}/assignments": "POST /users/{user_id}/assign"}
    copies = {"grant": lambda world, person: {"node_id": world.node(person, "project")}}
    grown = {"user": _members}
