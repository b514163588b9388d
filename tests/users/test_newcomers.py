"""What somebody new is given along, and service users: within what the granter holds."""

from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now, to_text
from aasim_core.testing.mailbox import Inbox
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.runner import work_off

PASSWORD = "gravel-tulip-orbit-94"
GRACE = {"name": "Grace Hopper", "email": "grace@example.com"}


def test_nobody_gives_along_what_they_do_not_hold(world: World, owner: Person) -> None:
    clerk = member_with(world, owner, ["users:read", "users:create", "users:assign", "agents:read"])
    refused = clerk.client.post("/users", {**GRACE, "role": "builder"})
    assert refused.codes == {"_": ["permission_denied"]}
    assert owner.client.get("/users?email=grace@example.com").data["items"] == []


def test_giving_a_role_along_needs_the_permission_to_assign(world: World, owner: Person) -> None:
    clerk = member_with(world, owner, set(world.app.permissions) - {"users:assign"})
    assert clerk.client.post("/users", {**GRACE, "role": "viewer"}).codes == {"_": ["permission_denied"]}
    assert clerk.client.post("/users", GRACE).status == 201


def test_nobody_invites_into_a_team_that_holds_more_than_they_do(world: World, owner: Person) -> None:
    team = owner.client.post("/teams", {"name": "Admins"}).data["id"]
    owner.client.post(f"/teams/{team}/assign", {"role": "admin", "place": {"type": "organization"}})
    clerk = member_with(world, owner, ["users:create", "teams:read", "teams:update"])
    assert clerk.client.post("/users", {**GRACE, "team_ids": [team]}).codes == {"_": ["permission_denied"]}


def test_whoever_invites_for_a_department_cannot_invite_elsewhere(world: World, owner: Person) -> None:
    care = owner.client.post("/departments", {"name": "Care"}).data["id"]
    other = owner.client.post("/departments", {"name": "Other"}).data["id"]
    clerk = member_with(world, owner, ["users:read", "users:create"], care)
    assert clerk.client.post("/users", GRACE).codes == {"_": ["permission_denied"]}
    assert clerk.client.post("/users", {**GRACE, "department_id": other}).codes == {"department_id": ["invalid_reference"]}
    assert clerk.client.post("/users", {**GRACE, "department_id": care}).status == 201


def test_what_is_wrong_about_role_place_time_and_teams_is_said(world: World, owner: Person) -> None:
    stranger = world.organization("Other")
    theirs, team = world.node(stranger, "project"), stranger.client.post("/teams", {"name": "Theirs"}).data["id"]
    past = to_text(now())
    tried: list[tuple[dict[str, Any], dict[str, list[str]]]] = [
        ({"role": "viewers"}, {"role": ["invalid_reference"]}),
        ({"role": "viewer", "role_id": "role_01h455vb4pex5vsknk084sn02q"}, {"role": ["invalid_choice"]}),
        ({"place": {"type": "organization"}}, {"place": ["invalid_choice"]}),
        ({"expires_at": past}, {"expires_at": ["invalid_choice"]}),
        ({"role": "viewer", "expires_at": past}, {"expires_at": ["out_of_range"]}),
        ({"role": "viewer", "place": {"type": "project"}}, {"place.id": ["required"]}),
        ({"role": "viewer", "place": {"id": theirs}}, {"place.type": ["required"]}),
        ({"role": "viewer", "place": {"type": "project", "id": theirs}}, {"place.id": ["invalid_reference"]}),
        ({"team_ids": [team]}, {"team_ids[0]": ["invalid_reference"]}),
    ]
    for more, codes in tried:
        assert owner.client.post("/users", {**GRACE, **more}).codes == codes, more


@pytest.mark.long
def test_a_service_user_has_no_mailbox(app: App, owner: Person, inbox: Inbox) -> None:
    service = {"name": "Nightly report", "kind": "service"}
    assert owner.client.post("/users", {**service, "email": "bot@example.com"}).codes == {"email": ["invalid_choice"]}
    made = owner.client.post("/users", {**service, "role": "operator"}).data
    assert (made["status"], made["kind"], made["email"]) == ("active", "service", f"{made['id']}@service.invalid")
    work_off(app)
    assert inbox.mails == []
    assert owner.client.patch(f"/users/{made['id']}", {"email": "bot@example.com"}).codes == {"email": ["invalid_choice"]}


def test_a_service_user_cannot_log_in_and_works_by_keys(owner: Person, anonymous: Client) -> None:
    made = owner.client.post("/users", {"name": "Nightly report", "kind": "service", "role": "operator"}).data
    assert anonymous.post("/auth/login", {"email": made["email"], "password": PASSWORD}).status == 401
    key = owner.client.post("/api-keys", {"name": "One", "user_id": made["id"], "scopes": ["agents:read"]}).data["key"]
    assert replace(anonymous, token=key).get("/agents").status == 200


def test_a_service_user_owns_nothing(owner: Person) -> None:
    service = {"name": "Nightly report", "kind": "service"}
    assert owner.client.post("/users", {**service, "role": "owner"}).codes == {"role": ["invalid_reference"]}
    made = owner.client.post("/users", service).data
    given = owner.client.post(f"/users/{made['id']}/assign", {"role": "owner", "place": {"type": "organization"}})
    assert given.codes == {"role": ["invalid_reference"]}


def test_a_person_needs_an_address(owner: Person) -> None:
    assert owner.client.post("/users", {"name": "Grace Hopper"}).codes == {"email": ["required"]}
