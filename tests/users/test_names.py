"""What members are called: their memberships say the same as account and invitation, however these come about and change."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.identity.records import Invitation
from aasim_core.tenancy import people
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.world import Client, Person, World

PASSWORD = "gravel-tulip-orbit-94"
Invite = Callable[..., tuple[Mapping[str, Any], str]]
MIGRATION = import_module("aasim_core.migrations.0040_names_of_members")


def called(app: App) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Name, address and kind of each membership, which must be those of the account or, until there is one, of the invitation."""
    with app.database.connected(), system_scope("test"):
        known = {row.id: (row.name, row.email, row.kind) for row in User.select()}
        known |= {row.user_id: (row.name, row.email, "person") for row in Invitation.select()}
        found = {(row.organization_id, row.user_id): (row.name, row.email, row.kind) for row in Membership.select()}
    assert found == {key: known[key[1]] for key in found}
    return found


def invited(owner: Person, email: str = "grace@example.com") -> dict[str, Any]:
    return dict(owner.client.post("/users", {"name": "Grace", "email": email}).data)


def test_who_founds_an_organization_and_who_is_a_service_is_called_as_their_account(app: App, owner: Person) -> None:
    service = owner.client.post("/users", {"name": "Robot", "kind": "service"}).data
    assert called(app)[owner.organization_id, service["id"]] == ("Robot", service["email"], "service")
    owner.client.patch(f"/users/{service['id']}", {"name": "Robot 2"})
    assert called(app)[owner.organization_id, service["id"]][0] == "Robot 2"


def test_who_is_invited_is_called_as_their_invitation(app: App, owner: Person) -> None:
    guest = invited(owner)
    owner.client.patch(f"/users/{guest['id']}", {"name": "Grace Hopper", "email": "hopper@example.com"})
    assert called(app)[owner.organization_id, guest["id"]] == ("Grace Hopper", "hopper@example.com", "person")


@pytest.mark.long
def test_who_registers_by_an_invitation_is_called_as_they_say(app: App, owner: Person, anonymous: Client, invite: Invite) -> None:
    guest, token = invite(name="Grace", email="grace@example.com")
    body = {"name": "Rear Admiral Hopper", "email": "grace@example.com", "password": PASSWORD, "invitation_token": token}
    assert anonymous.post("/auth/register", body).status == 201
    assert called(app)[owner.organization_id, guest["id"]][0] == "Rear Admiral Hopper"


@pytest.mark.long
def test_who_has_an_account_joins_with_its_name(app: App, owner: Person, anonymous: Client, invite: Invite) -> None:
    body = {"name": "Rear Admiral Hopper", "email": "grace@example.com", "password": PASSWORD}
    entry = anonymous.post("/auth/register", body).data
    _, token = invite(name="Grace", email="grace@example.com")
    person = replace(anonymous, token=entry["access_token"])
    assert person.post("/auth/accept-invitation", {"invitation_token": token}).status == 200
    assert called(app)[owner.organization_id, entry["user"]["id"]][0] == "Rear Admiral Hopper"


def test_a_new_name_is_that_in_all_of_their_organizations(app: App, world: World, owner: Person) -> None:
    elsewhere = world.organization("Elsewhere")
    with app.database.transaction(), organization_scope(elsewhere.organization_id):
        people.join(owner.user_id)
    assert owner.client.put("/auth/profile", {"name": "Ada Lovelace"}).status == 200
    names = {person.organization_id: called(app)[person.organization_id, owner.user_id][0] for person in (owner, elsewhere)}
    assert set(names.values()) == {"Ada Lovelace"}
    found = elsewhere.client.get("/users?name=Ada%20Lovelace").data["items"]
    assert [item["id"] for item in found] == [owner.user_id]


def test_who_joins_while_they_are_renamed_has_the_new_name_everywhere(app: App, world: World, owner: Person) -> None:
    places = [world.organization(f"Elsewhere {number}").organization_id for number in range(8)]

    def join(organization_id: str) -> None:
        with app.database.connected(), organization_scope(organization_id), app.database.transaction():
            people.join(owner.user_id)

    def rename(number: int) -> int:
        return owner.client.put("/auth/profile", {"name": f"Ada {number}"}).status

    with ThreadPoolExecutor(8) as pool:
        renamed = [pool.submit(rename, number) for number in range(8)]
        joined = [pool.submit(join, place) for place in places]
        assert {each.result() for each in renamed} == {200}
        assert [each.result() for each in joined] == [None] * 8
    assert len(called(app)) == 17


def test_an_administrator_gives_a_new_name_and_address(app: App, world: World, owner: Person) -> None:
    member = world.member(owner, "viewer")
    body = {"name": "Grace Hopper", "email": "hopper@example.com"}
    assert owner.client.patch(f"/users/{member.user_id}", body).status == 200
    assert called(app)[owner.organization_id, member.user_id] == (*body.values(), "person")
    assert [item["id"] for item in owner.client.get("/users?email=hopper@example.com").data["items"]] == [member.user_id]


def test_the_migration_fills_in_what_members_are_called(app: App, world: World, owner: Person) -> None:
    invited(owner)
    owner.client.post("/users", {"name": "Robot", "kind": "service"})
    world.member(owner, "viewer")
    before = called(app)
    tables = connect(app.settings.database.url)  # only who owns a table may
    with tables.connected(), system_scope("test"):
        MIGRATION.down(None, tables)
        MIGRATION.up(None, tables)
    tables.close_all()
    assert called(app) == before
    assert len(before) == 4
