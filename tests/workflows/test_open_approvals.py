"""A run that waits for people says so, wherever in its tree the approval is asked for, and the approval says what asks."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World

from .conftest import Work, node, read

Run = Callable[..., dict[str, Any]]
ASK = node("ask", "approval", title="Refund?", _name="Ask the boss")


@pytest.fixture
def approver(world: World, owner: Person) -> Person:
    """Somebody who may decide, and has not started the run."""
    return world.member(owner, "approver")


def waits(told: dict[str, Any]) -> tuple[str, str, str, Any]:
    """What a run says of its waiting."""
    return told["status"], told["waiting_for"], told["approval_id"], told["approvals"]


def found(person: Person, query: str) -> list[str]:
    """The ids in a list."""
    return [item["id"] for item in person.client.get(query).data["items"]]


@pytest.fixture
def nested(owner: Person, make: Any, work: Work) -> list[str]:
    """A run of a workflow that starts another, which asks; the ids of both."""
    inner = make([ASK])
    outer = make([node("call", "sub_workflow", workflow_id=inner["id"])])
    execution_id = owner.client.post(f"/workflows/{outer['id']}/execute", {"input": None}).data["id"]
    work()
    [middle] = found(owner, f"/workflows/{inner['id']}/executions")
    return [execution_id, middle]


def test_each_run_above_an_approval_waits_for_it(owner: Person, approver: Person, nested: list[str], work: Work) -> None:
    [approval_id] = found(approver, "/hitl-approvals/pending")
    expected = ("waiting", "approval", approval_id, {"ids": [approval_id], "more": 0})
    for execution_id in nested:
        assert waits(owner.client.get(f"/executions/{execution_id}").data) == expected
        assert waits(read(owner, execution_id)["execution"]) == expected
    listed = {item["id"]: waits(item) for item in owner.client.get("/executions").data["items"]}
    assert [listed[execution_id] for execution_id in nested] == [expected] * 2
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    work()
    assert waits(read(owner, nested[0])["execution"]) == ("succeeded", None, None, None)


def test_runs_are_found_by_what_they_show_that_they_wait_for(owner: Person, nested: list[str]) -> None:
    for query in ("waiting_for=approval", "waiting_for[in]=approval,time", "waiting_for[ne]=execution"):
        assert set(nested) < set(found(owner, f"/executions?{query}"))
    for query in ("waiting_for=execution", "waiting_for[in]=execution,time", "waiting_for[ne]=approval"):
        assert found(owner, f"/executions?{query}") == []


def test_the_root_alone_finds_a_tree(owner: Person, nested: list[str], run: Run) -> None:
    run([node("other")])
    tree = found(owner, f"/executions?root_id={nested[0]}")
    assert (len(tree), set(nested) < set(tree)) == (3, True)
    assert found(owner, f"/executions?root_id={nested[1]}") == []


def test_the_first_ten_are_named_and_the_others_counted(owner: Person, run: Run) -> None:
    items = {"items": "input", "concurrency": 12, "body": {"nodes": [ASK], "edges": []}}
    told = run([node("each", "foreach", **items)], given=list(range(12)))
    shown = told["execution"]["approvals"]
    assert (len(shown["ids"]), shown["more"], told["execution"]["approval_id"]) == (10, 2, shown["ids"][0])


def test_a_page_takes_one_statement_for_its_waiting_runs_and_none_without(owner: Person, app: App, run: Run) -> None:
    path = "/executions?fields=id,waiting_for,approvals"
    run([node("done")])
    without = _statements(owner, app, path)
    run([ASK])
    assert _statements(owner, app, path) == without + 1
    for _ in range(3):
        run([ASK])
    assert _statements(owner, app, path) == without + 1


def _statements(person: Person, app: App, path: str) -> int:
    person.client.get(path)
    with recorded(app.database) as sent:
        person.client.get(path)
    return len(sent)
