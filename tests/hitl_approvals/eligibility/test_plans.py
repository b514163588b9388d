"""How lists of approvals are read where there are many: from what means the caller, never by a walk over all of them."""

import re
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.ids import new_id
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.models import APPROVED, PENDING, Approval, Assignee

pytestmark = pytest.mark.long

_MANY, _PROJECTS = 6_000, 60
#: What means a walk over the approvals of the organization.
_WALK = r"SCAN hitl|Seq Scan on hitl_approvals_a|(?<!execution_)organization_id_created_at_id|organization_id_due_at_id"


def fill(app: App, person: Person, projects: list[str], role_id: str) -> None:
    """Write many approvals, a tenth of them open, put to whoever may decide, to a role, and to people who are gone."""
    with app.database.transaction(), organization_scope(person.organization_id):
        approvals, assignees = rows(person, projects, role_id)
        insert_rows(Approval, approvals)
        insert_rows(Assignee, assignees)


def rows(person: Person, projects: list[str], role_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    begun, approvals, assignees = now() - timedelta(days=30), [], []
    kinds = (("permission", ""), ("permission", ""), ("role", role_id), ("user", new_id("user")))
    for number in range(_MANY):
        is_open, moment = number % 10 == 0, begun + timedelta(seconds=number)
        approval = Approval(
            title=f"Refund {number}", payload={"cents": number}, action_hash="0" * 64, due_seconds=60, due_at=moment,
            created_at=moment, updated_at=moment, project_id=projects[number % _PROJECTS], initiator_id=new_id("user"),
            status=PENDING if is_open else APPROVED, risk_rank=number % 3,
        )  # fmt: skip
        approvals.append(approval.row())
        kind, subject_id = kinds[number % 4]
        row = {"approval_id": approval.id, "level": 1, "type": kind, "subject_id": subject_id, "is_open": is_open}
        assignees.append({"organization_id": person.organization_id, **row})
    return approvals, assignees


@pytest.fixture
def crowd(app: App, world: World, owner: Person) -> dict[str, Person]:
    """People with narrow and wide rights, in an organization with many approvals beside another one with as many."""
    department = owner.client.post("/departments", {"name": "Small"}).data["id"]
    projects = [world.node(owner, "project") for _ in range(_PROJECTS - 1)]
    projects.append(owner.client.post("/projects", {"name": "Own", "department_id": department}).data["id"])
    with organization_scope(owner.organization_id):
        role_id = built_in_role("approver").id
    fill(app, owner, projects, role_id)
    fill(app, world.organization("Other"), projects, role_id)
    people = {
        "owner": owner,
        "viewer": world.member(owner, "viewer", department),
        "approver": world.member(owner, "approver", department),
        "stranger": world.member(owner, "approver", world.node(owner, "project")),
    }
    analyze(app.settings.database.url)
    return people


def plans(app: App, person: Person, path: str) -> list[str]:
    """How the approvals are read that the path lists, statement by statement."""
    with recorded(app.database) as seen:
        answer = person.client.get(path)
    assert answer.status == 200, answer
    with organization_scope(person.organization_id):
        return [plan_of(app.database, each) for each in seen if 'FROM "hitl_approvals_approval"' in each.sql]


_SORTS = ("-created_at", "created_at", "due_at", "-due_at")


@pytest.mark.parametrize("who", ["viewer", "approver", "stranger"])
def test_a_list_of_few_is_not_a_walk_over_all(app: App, crowd: dict[str, Person], who: str) -> None:
    for sort in _SORTS:
        for more in ("", "&limit=100", "&include=total"):
            for plan in plans(app, crowd[who], f"/hitl-approvals?sort={sort}{more}"):
                assert not re.search(_WALK, plan), plan


@pytest.mark.parametrize("who", ["owner", "approver", "stranger"])
def test_an_inbox_begins_with_those_that_are_open(app: App, crowd: dict[str, Person], who: str) -> None:
    for question in ("", "?sort=due_at", "?sort=created_at", "?limit=100&include=total"):
        for plan in plans(app, crowd[who], f"/hitl-approvals/pending{question}"):
            assert not re.search(_WALK, plan), plan


@pytest.mark.parametrize("sort", _SORTS)
def test_somebody_who_sees_all_reads_a_page_from_an_index_in_its_order(app: App, crowd: dict[str, Person], sort: str) -> None:
    for plan in plans(app, crowd["owner"], f"/hitl-approvals?sort={sort}"):
        assert f"organization_id_{sort.removeprefix('-')}_id" in plan, plan
        assert not re.search(r"TEMP B-TREE|\bSort\b|SCAN hitl|Seq Scan on hitl", plan), plan


def test_lists_of_many_show_to_each_what_is_theirs(crowd: dict[str, Person]) -> None:
    totals = {
        name: [
            person.client.get(f"/hitl-approvals{path}?include=total&limit=1").data["pagination"]["total"]
            for path in ("", "/pending")
        ]
        for name, person in crowd.items()
        if name != "viewer"
    }
    assert totals["owner"] == [_MANY, _MANY // 20]
    assert totals["stranger"] == [0, 0]
    assert totals["approver"][0] == _MANY // _PROJECTS


def test_names_are_looked_up_for_the_rows_of_a_page_only(app: App, crowd: dict[str, Person]) -> None:
    with recorded(app.database) as seen:
        crowd["viewer"].client.get("/hitl-approvals")
    [page] = [each.sql for each in seen if each.sql.startswith("SELECT") and 'FROM "hitl_approvals_approval"' in each.sql]
    joined, found = page.split(" IN (SELECT ", 1)
    assert '"executions_execution"' in joined
    assert "LIMIT" in found and '"executions_execution"' not in found
