"""Roles that are assigned to keys: each key may do no more than they allow, where they do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from aasim_core.clock import now, to_text
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Answer, Client, Person, World

from .conftest import Make

Robot = Callable[[str], Client]
#: What it takes to find agents, run them and follow that.
RUNS = ("agents:read", "agents:execute", "executions:read")


@pytest.fixture
def branch(owner: Person) -> str:
    """A branch of the organization."""
    return str(owner.client.post("/branches", {"name": "Vienna", "code": "VIE"}).data["id"])


def limit(granter: Person, key: Any, role: str, branch: str | None = None) -> Answer:
    """Assign the role to the key, in the branch or the whole organization."""
    where = {"place": {"type": "branch", "id": branch}} if branch else {"place": {"type": "organization"}}
    return granter.client.post(f"/api-keys/{key['id']}/assign", {"role": role, **where})


def test_a_limited_key_may_do_what_the_role_allows_where_it_does(owner: Person, make: Make, robot: Robot, branch: str) -> None:
    other = owner.client.post("/branches", {"name": "Graz", "code": "GRZ"}).data["id"]
    key = make(owner, "branches:read", "branches:update")
    asks = robot(key["key"])
    assert asks.patch(f"/branches/{branch}", {"name": "Wien"}).status == 200
    assert limit(owner, key, "viewer", branch).status == 201
    assert asks.get(f"/branches/{branch}").data["name"] == "Wien"
    assert asks.patch(f"/branches/{branch}", {"name": "Vienna"}).codes == {"_": ["permission_denied"]}
    assert asks.get(f"/branches/{other}").codes == {"_": ["not_found"]}


def test_with_several_roles_it_may_do_what_one_of_them_allows(owner: Person, make: Make, robot: Robot, branch: str) -> None:
    key = make(owner, "branches:read", "branches:update")
    limit(owner, key, "viewer")
    limit(owner, key, "admin", branch)
    assert robot(key["key"]).patch(f"/branches/{branch}", {"name": "Wien"}).status == 200


def test_a_role_gives_a_key_nothing_beyond_its_scopes(owner: Person, make: Make, robot: Robot, branch: str) -> None:
    key = make(owner, "branches:read")
    limit(owner, key, "admin")
    assert robot(key["key"]).patch(f"/branches/{branch}", {"name": "Wien"}).codes == {"_": ["permission_denied"]}


def test_what_limits_a_key_is_listed_and_taken_back(owner: Person, make: Make, robot: Robot, branch: str) -> None:
    key = make(owner, "branches:read", "branches:update")
    given = limit(owner, key, "viewer", branch).data
    listed = owner.client.get(f"/api-keys/{key['id']}/assignments").data["items"]
    assert [(each["id"], each["subject_type"], each["role"], each["place"]["id"]) for each in listed] == [
        (given["id"], "api_key", "viewer", branch)
    ]
    assert owner.client.delete(f"/api-keys/{key['id']}/assignments/{given['id']}").status == 200
    assert robot(key["key"]).patch(f"/branches/{branch}", {"name": "Wien"}).status == 200


def test_a_limit_whose_place_is_gone_leaves_nothing_and_is_listed(owner: Person, make: Make, robot: Robot, branch: str) -> None:
    key = make(owner, "agents:read")
    limit(owner, key, "viewer", branch)
    owner.client.delete(f"/branches/{branch}")
    assert robot(key["key"]).get("/agents").codes == {"_": ["permission_denied"]}
    listed = owner.client.get(f"/api-keys/{key['id']}/assignments").data["items"]
    assert [(each["place"]["type"], each["place"]["id"], each["scope"]) for each in listed] == [(None, branch, [])]


def test_a_role_that_limited_a_key_is_not_deleted_but_replaced(owner: Person, make: Make, robot: Robot) -> None:
    key = make(owner, "agents:read")
    role = owner.client.post("/roles", {"name": "Reader", "permissions": ["agents:read"]}).data["id"]
    given = {"role_id": role, "place": {"type": "organization"}}
    with time_machine.travel(now(), tick=False) as clock:
        until = to_text(now() + timedelta(seconds=60))
        assert owner.client.post(f"/api-keys/{key['id']}/assign", {**given, "expires_at": until}).status == 201
        clock.shift(60)
        refused = owner.client.delete(f"/roles/{role}")
        assert refused.codes == {"_": ["in_use"]}
        assert [each["subject_id"] for each in refused.body["errors"]["_"][0]["meta"]["holders"]] == [key["id"]]
        viewer = owner.client.get("/roles?name=viewer").data["items"][0]["id"]
        assert owner.client.delete(f"/roles/{role}?replacement_role_id={viewer}").status == 200
        assert robot(key["key"]).get("/agents").codes == {"_": ["permission_denied"]}


def test_nobody_limits_a_key_to_more_than_they_hold(world: World, owner: Person, make: Make) -> None:
    maker = member_with(world, owner, ["api_keys:read", "api_keys:create", "api_keys:assign"])
    key = make(maker, "api_keys:read")
    assert limit(maker, key, "viewer").codes == {"_": ["permission_denied"]}


def test_a_key_changes_no_limit_not_even_its_own(owner: Person, make: Make, robot: Robot) -> None:
    key = make(owner, "api_keys:read", "api_keys:assign")
    given = limit(owner, key, "admin").data
    path = f"/api-keys/{key['id']}"
    asks = robot(key["key"])
    assert asks.get(f"{path}/assignments").data["items"][0]["id"] == given["id"]
    assert asks.delete(f"{path}/assignments/{given['id']}").codes == {"_": ["session_required"]}
    assert asks.post(f"{path}/assign", {"role": "viewer", "place": {"type": "organization"}}).codes == {"_": ["session_required"]}


def test_the_keys_of_others_are_not_there_but_for_who_manages_keys(world: World, owner: Person, make: Make) -> None:
    key = make(owner, "agents:read")
    builder, admin = world.member(owner, "builder"), world.member(owner, "admin")
    assert limit(builder, key, "viewer").codes == {"_": ["not_found"]}
    assert builder.client.get(f"/api-keys/{key['id']}/assignments").codes == {"_": ["not_found"]}
    assert limit(admin, key, "viewer").status == 201


def test_who_manages_keys_frees_none_to_do_more_than_they_may(world: World, owner: Person, make: Make) -> None:
    key = make(owner, "agents:delete")
    given = limit(owner, key, "viewer").data
    viewer = [name for name in world.app.rights.built_in["viewer"] if not name.startswith("api_keys:")]
    manager = member_with(world, owner, [*viewer, *(f"api_keys:{verb}" for verb in ("read", "delete", "assign", "manage"))])
    path = f"/api-keys/{key['id']}/assignments/{given['id']}"
    assert manager.client.delete(path).codes == {"_": ["permission_denied"]}
    assert owner.client.delete(path).status == 200


def test_a_revoked_key_is_not_there(owner: Person, make: Make) -> None:
    key = make(owner, "agents:read")
    owner.client.delete(f"/api-keys/{key['id']}")
    assert limit(owner, key, "viewer").codes == {"_": ["not_found"]}


def test_limiting_is_told(owner: Person, make: Make) -> None:
    key = make(owner, "agents:read")
    given = limit(owner, key, "viewer").data
    owner.client.delete(f"/api-keys/{key['id']}/assignments/{given['id']}")
    told = owner.client.get(f"/activities?subject_id={key['id']}&sort=occurred_at").data["items"]
    assert [each["action"] for each in told] == ["api_keys.created", "api_keys.role_assigned", "api_keys.role_unassigned"]


# What is shared with the organization, or the maker's own


@pytest.mark.parametrize(
    "fields",
    [{"visibility": "organization"}, {"visibility": "private"}, {"visibility": "project", "elsewhere": True}],
    ids=["shared", "private", "of another project"],
)
def test_a_key_of_a_project_reaches_no_agent_and_no_run_elsewhere(
    world: World, owner: Person, make: Make, robot: Robot, fields: dict[str, Any]
) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    asks = robot(make(owner, *RUNS, project_id=mine)["key"])
    told = {"visibility": fields["visibility"], "project_id": other if "elsewhere" in fields else None}
    agent = owner.client.post("/agents", {"name": "One", **told}).data["id"]
    run = owner.client.post(f"/agents/{agent}/execute", {"input": "x"}).data["id"]
    owner.client.post(f"/executions/{run}/cancel")
    for path in (f"/agents/{agent}", f"/agents/{agent}/export", f"/agents/{agent}/executions", f"/executions/{run}/logs"):
        assert asks.get(path).codes == {"_": ["not_found"]}, path
    for path, body in ((f"/agents/{agent}/execute", {"input": "x"}), (f"/executions/{run}/retry", {})):
        assert asks.post(path, body).codes == {"_": ["not_found"]}, path
    assert [asks.get(path).data["items"] for path in ("/agents", "/executions")] == [[], []]


@pytest.mark.parametrize("visibility", ["organization", "project", "private"])
def test_a_key_of_a_project_runs_what_its_maker_may_run_there(
    world: World, owner: Person, make: Make, robot: Robot, visibility: str
) -> None:
    mine = world.node(owner, "project")
    asks = robot(make(owner, *RUNS, project_id=mine)["key"])
    agent = owner.client.post("/agents", {"name": "One", "visibility": visibility, "project_id": mine}).data["id"]
    run = asks.post(f"/agents/{agent}/execute", {"input": "x"}).data["id"]
    assert [each["id"] for each in asks.get("/agents").data["items"]] == [agent]
    assert [each["id"] for each in asks.get("/executions").data["items"]] == [run]


def test_a_key_that_is_limited_in_the_whole_organization_reaches_what_is_shared(
    world: World, owner: Person, make: Make, robot: Robot
) -> None:
    builder = world.member(owner, "builder", world.node(owner, "project"))
    agent = owner.client.post("/agents", {"name": "Shared"}).data["id"]
    key = make(builder, *RUNS)
    limit(owner, key, "viewer")
    asks = robot(key["key"])
    assert asks.get(f"/agents/{agent}").status == 200
    assert asks.post(f"/agents/{agent}/execute", {"input": "x"}).codes == {"_": ["permission_denied"]}
