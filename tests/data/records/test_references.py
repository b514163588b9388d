"""What names a record: found before it is deleted, and handed over to a successor."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from aasim_core.context import organization_scope
from aasim_core.data import references
from aasim_core.data.conditions import Condition
from aasim_core.errors import Refused
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Membership
from aasim_core.testing.world import Answer, Person, World
from aasim_plugins.agents.models import Agent
from aasim_plugins.projects.models import Project


@pytest.fixture
def owner(world: World) -> Iterator[Person]:
    """The owner of Acme, whose organization is in scope."""
    person = world.organization("Acme")
    with organization_scope(person.organization_id):
        yield person


def _project(person: Person, **values: object) -> str:
    return str(person.client.post("/projects", {"name": "Website", **values}).data["id"])


def test_what_nothing_names_can_go(world: World, owner: Person) -> None:
    with world.app.database.transaction():
        references.refuse_in_use(world.app.models, "project", _project(owner))


def test_what_names_it_is_listed_with_kind_label_and_field(world: World, owner: Person) -> None:
    project_id = _project(owner)
    agent_id = owner.client.post("/agents", {"name": "One", "project_id": project_id}).data["id"]
    with pytest.raises(Refused) as caught, world.app.database.transaction():
        references.refuse_in_use(world.app.models, "project", project_id)
    [problem] = caught.value.problems["_"]
    assert (problem.code, problem.meta) == (
        "in_use", {"used_by": [{"type": "agent", "id": agent_id, "label": "One", "field": "project_id"}]},
    )  # fmt: skip


def test_who_deletes_it_reads_the_words_of_its_class_and_not_the_prefix_of_its_ids(world: World, owner: Person) -> None:
    department_id = owner.client.post("/departments", {"name": "Sales"}).data["id"]
    owner.client.post("/projects", {"name": "Website", "department_id": department_id})
    with pytest.raises(Refused) as caught, world.app.database.transaction():
        references.refuse_in_use(world.app.models, "dept", department_id)
    [problem] = caught.value.problems["_"]
    assert problem.message == "Something still depends on this department; move or delete that first."


def test_what_was_deleted_softly_names_nobody(world: World, owner: Person) -> None:
    project_id = _project(owner)
    agent_id = owner.client.post("/agents", {"name": "One", "project_id": project_id}).data["id"]
    owner.client.delete(f"/agents/{agent_id}")
    assert references.uses(world.app.models, "project", project_id) == {}


def _rubric(owner: Person, name: str) -> str:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]
    criterion = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 60, "unit": "words"}}
    body = {"name": name, "criteria": [criterion]}
    return str(owner.client.post(f"/engines/{engine['id']}/rubrics", body).data["id"])


def test_what_is_not_there_cannot_be_named(owner: Person) -> None:
    answer = owner.client.post("/agents", {"name": "One", "rubric_ids": [_rubric(owner, "One"), new_id("rubric")]})
    assert answer.codes == {"rubric_ids[1]": ["invalid_reference"]}


def _at_once(*acts: Callable[[], Answer]) -> list[int]:
    """The statuses of the answers to requests that begin together."""
    start = Barrier(len(acts), timeout=60)

    def begin(act: Callable[[], Answer]) -> int:
        start.wait()
        return act().status

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(begin, acts))


@pytest.mark.long
def test_what_begins_to_be_named_while_it_is_deleted_is_either_named_or_gone(owner: Person) -> None:
    agent_id = owner.client.post("/agents", {"name": "One"}).data["id"]
    [engine, *_] = owner.client.get("/engines?provider=scripted").data["items"]
    for number in range(10):
        rubric_id = _rubric(owner, f"Rubric {number}")
        statuses = _at_once(
            partial(owner.client.delete, f"/engines/{engine['id']}/rubrics/{rubric_id}"),
            partial(owner.client.patch, f"/agents/{agent_id}", {"rubric_ids": [rubric_id]}),
        )
        assert statuses in ([200, 422], [409, 200])


@pytest.mark.long
def test_an_engine_that_gets_a_rubric_while_it_is_deleted_either_has_it_or_is_gone(owner: Person) -> None:
    criterion = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 60}}
    for number in range(10):
        engine_id = owner.client.post("/engines", {"name": f"Engine {number}", "provider": "scripted"}).data["id"]
        path = f"/engines/{engine_id}"
        statuses = _at_once(
            partial(owner.client.delete, path),
            partial(owner.client.post, f"{path}/rubrics", {"name": "Quality", "criteria": [criterion]}),
        )
        assert statuses in ([200, 404], [409, 201])


def test_a_list_that_has_its_id_names_it(world: World, owner: Person) -> None:
    rubric_id, other_id = _rubric(owner, "One"), _rubric(owner, "Other")
    agent_id = owner.client.post("/agents", {"name": "One", "rubric_ids": [other_id, rubric_id]}).data["id"]
    [named] = references.uses(world.app.models, "rubric", rubric_id)["agent.rubric_ids"]
    assert named == {"type": "agent", "id": agent_id, "label": "One", "field": "rubric_ids"}
    assert references.uses(world.app.models, "rubric", new_id("rubric")) == {}


def test_at_most_twenty_of_each_kind_are_listed(world: World, owner: Person) -> None:
    project_id = _project(owner)
    for number in range(22):
        owner.client.post("/agents", {"name": f"Agent {number}", "project_id": project_id})
    assert len(references.uses(world.app.models, "project", project_id)["agent.project_id"]) == 20


def test_a_successor_takes_over_and_each_change_is_counted(world: World, owner: Person) -> None:
    heir = world.member(owner, "admin")
    agent_id = owner.client.post("/agents", {"name": "One"}).data["id"]
    project_id = _project(owner, lead_id=owner.user_id)
    before = Agent.get_by_id(agent_id).version
    with world.app.database.transaction():
        references.reassign(world.app.models, "user", owner.user_id, heir.user_id)
    assert (Agent.get_by_id(agent_id).owner_id, Agent.get_by_id(agent_id).version) == (heir.user_id, before + 1)
    assert Project.get_by_id(project_id).lead_id == heir.user_id


def test_another_organizations_records_are_not_looked_at(world: World, owner: Person) -> None:
    other = world.organization("Other")
    project_id = _project(owner)
    with organization_scope(other.organization_id):
        assert references.uses(world.app.models, "project", project_id) == {}


def test_names_are_those_of_the_rows_that_meet_the_conditions(world: World, owner: Person) -> None:
    project_id = _project(owner, name="Website")
    mine = Condition(lambda lead: Project.lead_id == lead, lead=owner.user_id)
    assert references.names(Project, [project_id, new_id("project")], []) == {project_id: "Website"}
    assert references.names(Project, [project_id], [mine]) == {}


def test_the_id_stands_for_what_has_no_name_here(world: World, owner: Person) -> None:
    branch = world.node(owner, "branch")
    Membership.update(branch_id=branch).where(Membership.user_id == owner.user_id).execute()
    [user] = references.uses([Membership], "branch", branch)["user.branch_id"]
    assert (user["id"], user["label"]) == (owner.user_id, owner.user_id)


def test_a_list_keeps_its_ids_where_a_successor_takes_over(world: World, owner: Person) -> None:
    rubric_id, other_id = _rubric(owner, "One"), _rubric(owner, "Other")
    agent_id = owner.client.post("/agents", {"name": "One", "rubric_ids": [rubric_id]}).data["id"]
    with world.app.database.transaction():
        assert references.reassign(world.app.models, "rubric", rubric_id, other_id) == 0
    assert Agent.get_by_id(agent_id).rubric_ids == [rubric_id]
