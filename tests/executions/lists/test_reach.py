"""Who sees which executions, and who may repeat them."""

from datetime import timedelta

from aasim_core.access import grants
from aasim_core.access.records import Grant, Role
from aasim_core.access.roles import built_in_role
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.ids import new_id
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution


def move(world: World, person: Person, role: str, node_id: str) -> None:
    """Take every role from the person, and give them one at the node."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        for held in list(Grant.select().where(Grant.subject_id == person.user_id)):
            grants.revoke(held.id)
        grants.grant("user", person.user_id, built_in_role(role), node_id)


def test_the_executions_of_a_shared_agent_are_listed_to_whom_each_of_them_is_there(world: World) -> None:
    owner = world.organization()
    member = world.member(owner, "operator", world.node(owner, "project"))
    agent = owner.client.post("/agents", {"name": "Shared"}).data
    theirs, own = (
        person.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data["id"] for person in (owner, member)
    )
    listed = member.client.get(f"/agents/{agent['id']}/executions").data["items"]
    assert [execution["id"] for execution in listed] == [own]
    assert member.client.get(f"/executions/{theirs}").status == 404
    assert len(owner.client.get(f"/agents/{agent['id']}/executions").data["items"]) == 2


def test_a_list_merges_ones_own_runs_and_those_of_each_place_page_by_page(world: World) -> None:
    owner = world.organization()
    places = [world.node(owner, "project") for _ in range(4)]
    member = world.member(owner, "operator", places[0])
    moment = now() - timedelta(days=1)
    whose = [(place, person) for place in places for person in (owner.user_id, member.user_id)] * 3
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        for place in places[1:3]:
            grants.grant("user", member.user_id, built_in_role("operator"), place)
        rows = [
            Execution(
                id=new_id("exec"), kind="agent", trigger={"type": "api"}, project_id=place, initiator_id=person,
                created_at=moment + timedelta(seconds=number // 2),
            ).row()
            for number, (place, person) in enumerate(whose)
        ]  # fmt: skip
        insert_rows(Execution, rows)
    seen = [row for row in rows if row["project_id"] != places[3] or row["initiator_id"] == member.user_id]
    wanted = [row["id"] for row in sorted(seen, key=lambda row: (row["created_at"], row["id"]), reverse=True)]
    forwards, path = list[str](), "/executions?limit=4&include=total"
    while path:
        page = member.client.get(path)
        forwards += [execution["id"] for execution in page.data["items"]]
        assert page.data["pagination"]["total"] == len(wanted)
        cursor, last = page.data["pagination"]["next_cursor"], page
        path = f"/executions?limit=4&include=total&cursor={cursor}" if cursor else ""
    assert forwards == wanted
    before = member.client.get(f"/executions?limit=4&cursor={last.data['pagination']['prev_cursor']}").data["items"]
    end = len(wanted) - len(last.data["items"])
    assert [execution["id"] for execution in before] == wanted[end - 4 : end]


def test_a_private_agent_is_not_run_by_repeating_what_its_owner_ran(world: World) -> None:
    owner = world.organization()
    builder = world.member(owner, "builder")
    agent = builder.client.post("/agents", {"name": "Mine", "visibility": "private"}).data
    execution = builder.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data
    builder.client.post(f"/executions/{execution['id']}/cancel")
    assert owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).status == 404
    assert owner.client.post(f"/executions/{execution['id']}/retry").status == 404
    assert builder.client.post(f"/executions/{execution['id']}/retry").status == 202


def test_whoever_may_no_longer_run_an_agent_does_not_repeat_what_they_ran(world: World) -> None:
    owner = world.organization()
    former, present = (world.node(owner, "project") for _ in range(2))
    builder = world.member(owner, "builder", former)
    agent = owner.client.post("/agents", {"name": "One", "visibility": "project", "project_id": former}).data
    execution = builder.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data
    builder.client.post(f"/executions/{execution['id']}/cancel")
    for role, node_id, status in (("builder", present, 404), ("viewer", former, 403), ("builder", former, 202)):
        move(world, builder, role, node_id)
        for path in (f"/agents/{agent['id']}/execute", f"/executions/{execution['id']}/retry"):
            body = {"input": "Hello"} if path.endswith("execute") else {}
            assert builder.client.post(path, body).status == status, (role, path)


def test_what_one_may_not_read_is_not_repeated(world: World) -> None:
    owner = world.organization()
    agent = owner.client.post("/agents", {"name": "One"}).data
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "A secret"}).data
    owner.client.post(f"/executions/{execution['id']}/cancel")
    owner.client.post("/roles", {"name": "runner", "permissions": ["agents:read", "agents:execute"]})
    runner = world.member(owner, "viewer")
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        for held in list(Grant.select().where(Grant.subject_id == runner.user_id)):
            grants.revoke(held.id)
        grants.grant("user", runner.user_id, Role.get(Role.name == "runner"), None)
    assert runner.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).status == 202
    assert runner.client.post(f"/executions/{execution['id']}/retry").status == 403
