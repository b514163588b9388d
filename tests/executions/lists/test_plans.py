"""How lists of runs are found among many: by an index of what is asked for, and not by going over everything."""

import itertools
from datetime import timedelta

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.ids import new_id
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.lists.labels import LabelRow
from aasim_plugins.executions.models import Execution

_MANY = 3_000
_LABEL = "customer:acme"
_IN_ORDER = "execution_organization_id_created_at_id"


@pytest.fixture
def project(app: App, world: World, owner: Person) -> str:
    """One of ten projects with many runs, the newest of which is queued."""
    projects, people, moment = [world.node(owner, "project") for _ in range(10)], [new_id("user") for _ in range(30)], now()
    subjects = [(type_, new_id(type_)) for type_ in ("agent", "workflow") for _ in range(50)]
    common, roots = {"kind": "agent", "trigger": {"type": "api"}, "trigger_type": "api"}, [new_id("exec") for _ in range(100)]
    with organization_scope(owner.organization_id), app.database.transaction():
        rows = []
        for number in range(_MANY):
            began = moment - timedelta(seconds=_MANY - number)
            is_over = number + 1 < _MANY
            ended = {"status": "succeeded", "started_at": began, "finished_at": began} if is_over else {"status": "queued"}
            whose = {"project_id": projects[number % 10], "initiator_id": people[number % 30], "root_id": roots[number % 100]}
            whose |= dict(zip(("subject_type", "subject_id"), subjects[number % 100], strict=True))
            rows.append(Execution(id=new_id("exec"), created_at=began, **common, **whose, **ended).row())
        insert_rows(Execution, rows)
        known, labels = {"organization_id": owner.organization_id}, (_LABEL, *(f"number:{number}" for number in range(99)))
        labelled = zip(rows, itertools.cycle(labels), strict=False)
        insert_rows(LabelRow, [{**known, "execution_id": row["id"], "label": label} for row, label in labelled])
    analyze(app.settings.database.url)
    return projects[0]


@pytest.fixture
def others(app: App, project: str) -> None:
    """Many organizations with a run each, so that it looks as if one had few, whichever it is."""
    common = {"kind": "agent", "trigger": {"type": "api"}, "trigger_type": "api", "created_at": now()}
    with system_scope("fill other organizations"), app.database.transaction():
        runs = [Execution(id=new_id("exec"), organization_id=new_id("organization"), **common) for _ in range(10)]
        insert_rows(Execution, [run.row() for run in runs])
    analyze(app.settings.database.url)


def plan_for(app: App, person: Person, path: str, shown: int) -> str:
    """The plan of the statement that reads the runs of a list, which shows so many."""
    person.client.get(path)
    with recorded(app.database) as seen:
        assert len(person.client.get(path).data["items"]) == shown
    with organization_scope(person.organization_id):
        return plan_of(app.database, next(sent for sent in reversed(seen) if "executions_execution" in sent.sql))


@pytest.mark.long
@pytest.mark.parametrize("asked", ["", "?status=failed", "?kind=agent&created_at[gte]=2020-01-01T00:00:00Z"])
def test_whoever_sees_little_begins_at_what_they_see(app: App, world: World, owner: Person, project: str, asked: str) -> None:
    """On PostgreSQL, which knows how many runs a project has; SQLite, which does not, merges what is first of each place."""
    member = world.member(owner, "operator", world.node(owner, "project"))
    plan = plan_for(app, member, f"/executions{asked}", 0)
    assert "executions_execution_project" in plan or "executions_execution_error" in plan, plan
    assert _IN_ORDER not in plan, plan


@pytest.mark.long
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("asked", ["", "?initiator_id[is_null]=false"])
def test_on_sqlite_each_place_is_read_in_its_order(
    app: App, world: World, owner: Person, project: str, others: None, asked: str
) -> None:
    """So that a page takes as long in a place with a million runs: those of a way are not sorted. PostgreSQL decides by its statistics."""
    plan = plan_for(app, world.member(owner, "operator", project), f"/executions{asked}", 25)
    assert plan.count("executions_execution_project") == 1, plan
    assert plan.count("executions_execution_initiator") == 1, plan
    assert plan.count("TEMP B-TREE") == 1, plan


@pytest.mark.long
@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_on_sqlite_the_runs_of_each_place_are_counted_by_themselves(
    app: App, world: World, owner: Person, project: str, others: None
) -> None:
    plan = plan_for(app, world.member(owner, "operator", world.node(owner, "project")), "/executions?include=total", 0)
    assert "executions_execution_initiator (organization_id=? AND initiator_id=?)" in plan, plan
    assert "executions_execution_project (organization_id=? AND project_id=?)" in plan, plan


@pytest.mark.long
def test_whoever_sees_much_reads_it_in_its_order(app: App, world: World, owner: Person, project: str) -> None:
    plan = plan_for(app, world.member(owner, "operator", project), "/executions", 25)
    assert _IN_ORDER in plan or "executions_execution_project" in plan, plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.long
def test_runs_with_a_label_are_found_by_its_index(app: App, owner: Person, project: str) -> None:
    plan = plan_for(app, owner, f"/executions?label={_LABEL}", 25)
    assert "executions_label_found" in plan, plan
    assert "Seq Scan" not in plan, plan


@pytest.mark.long
@pytest.mark.parametrize("type_", ["agent", "workflow"])
def test_runs_of_an_object_are_found_by_the_index_of_subjects(app: App, owner: Person, project: str, type_: str) -> None:
    with organization_scope(owner.organization_id):
        subject_id = Execution.get(Execution.subject_type == type_).subject_id
    plan = plan_for(app, owner, f"/executions?{type_}_id={subject_id}", 25)
    assert "executions_execution_subject" in plan, plan


@pytest.mark.long
def test_the_runs_of_a_tree_are_found_by_the_index_of_roots(app: App, owner: Person, project: str) -> None:
    with organization_scope(owner.organization_id):
        root_id = Execution.get().root_id
    plan = plan_for(app, owner, f"/executions?root_id={root_id}", 25)
    assert "executions_execution_root" in plan, plan
    assert "Seq Scan on executions_execution" not in plan, plan


@pytest.mark.long
@pytest.mark.parametrize("asked", ["trigger_type=event", "trigger_type[in]=event,schedule"])
def test_runs_that_are_not_started_through_the_api_are_found_by_the_index_of_these(
    app: App, owner: Person, project: str, asked: str
) -> None:
    plan = plan_for(app, owner, f"/executions?{asked}", 0)
    assert "executions_execution_trigger" in plan, plan
