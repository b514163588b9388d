"""Whatever a part of a plugin raises or returns is that plugin's fault: it is named with its line, and called once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.jobs.records import JobRow
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off

from .conftest import Wrong

#: Where each mistake is made.
RAISED = ("key", "sql", "clash", "exit")
Faults = Callable[[], list[str]]
Calls = Callable[[str], int]


def agent(owner: Person, *replies: Any) -> dict[str, Any]:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    body = {"name": "A", "engine_id": engine, "parameters": {"replies": list(replies)}, "tools": [{"ref": "clumsy:it"}]}
    return dict(owner.client.post("/agents", body).data)


def ran(app: App, owner: Person, execution_id: str) -> Any:
    work_off(app)
    return owner.client.get(f"/executions/{execution_id}").data


def run_of_a_tool(app: App, owner: Person) -> Any:
    made = agent(owner, {"tool_calls": [{"name": "clumsy", "arguments": {}}]}, "done")
    execution = ran(app, owner, owner.client.post(f"/agents/{made['id']}/execute", {"input": "?"}).data["id"])
    [call] = owner.client.get(f"/executions/{execution['id']}/tool-calls").data["items"]
    return call["result"]["code"]


def run_of_a_node(kind: str, app: App, owner: Person) -> Any:
    definition = {"language": 1, "nodes": [{"id": "it", "type": kind, "config": {}}], "edges": []}
    made = owner.client.post("/workflows", {"name": "W", "status": "active", "definition": definition}).data
    return ran(app, owner, owner.client.post(f"/workflows/{made['id']}/execute", {"input": {}}).data["id"])["error"]["code"]


def run_of_own_kind(app: App, owner: Person) -> Any:
    error = ran(app, owner, owner.client.post("/clumsy/run").data["id"])["error"]
    return error["code"] if error["meta"]["plugin"] == "clumsy" else error


def run_with_a_meter(app: App, owner: Person) -> Any:
    made = agent(owner, "done")
    answer = owner.client.post(f"/agents/{made['id']}/execute", {"input": "?"})
    return answer.codes["_"][0] if answer.status >= 400 else ran(app, owner, answer.data["id"])["error"]["code"]


def read_of_cards(app: App, owner: Person) -> Any:
    answer = owner.client.get("/dashboard/stats")
    assert answer.status == 200, answer
    [card] = [card for card in answer.data["cards"] if card["name"] == "clumsy"]
    return card["error"]["code"]


def import_of_a_workflow(app: App, owner: Person) -> Any:
    return owner.client.post("/workflows/import", {"format": "clumsy", "document": {}}).codes["_"][0]


def score_of_a_grader(app: App, owner: Person) -> Any:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    criteria = [{"key": "good", "weight": 1, "grader": "clumsy"}]
    rubric = owner.client.post(f"/engines/{engine}/rubrics", {"name": "Good", "criteria": criteria}).data["id"]
    answer = owner.client.post(f"/engines/{engine}/rubrics/{rubric}/score", {"input": "?", "output": "!"})
    [found] = answer.data["criteria"]
    return "plugin_failed" if found["reason"] == "The plugin clumsy failed in its grader clumsy." else found


def change(app: App, owner: Person) -> Any:
    return owner.client.post("/projects", {"name": "P"}).codes["_"][0]


#: For each part, what somebody does to whom its fault is told, and the wrong values that it may return.
PARTS: dict[str, tuple[Callable[[App, Person], Any], tuple[str, ...]]] = {
    "tool": (run_of_a_tool, ("set",)),
    "compute": (lambda app, owner: run_of_a_node("clumsy_compute", app, owner), ("five",)),
    "call": (lambda app, owner: run_of_a_node("clumsy_call", app, owner), ("set",)),
    "runner": (run_of_own_kind, ("five",)),
    "card": (read_of_cards, ("five", "numbers")),
    "importer": (import_of_a_workflow, ("five",)),
    "grader": (score_of_a_grader, ("five",)),
    "meter_reserve": (run_with_a_meter, ()),
    "when_emitted": (change, ()),
    "before_commit": (change, ()),
    "wanted": (change, ("five",)),
    "at_once": (change, ("five",)),
}
MISTAKES = [(part, mistake) for part, (_, values) in PARTS.items() for mistake in (*RAISED, *values)]


@pytest.mark.parametrize(("part", "mistake"), MISTAKES)
def test_a_fault_is_the_plugins_and_is_told_once_with_its_line(
    part: str, mistake: str, app: App, owner: Person, wrong: Wrong, calls: Calls, faults: Faults
) -> None:
    wrong(**{part: mistake})
    assert PARTS[part][0](app, owner) == "plugin_failed"
    assert calls(part) == 1
    [line] = faults()
    assert "plugin=clumsy" in line and "(clumsy/__init__.py:" in line, line


@pytest.mark.parametrize("part", ["tool", "card", "importer", "before_commit", "meter_reserve"])
def test_a_database_that_is_busy_is_nobodys_fault(part: str, app: App, owner: Person, wrong: Wrong, faults: Faults) -> None:
    wrong(**{part: "busy"})
    with suppress(KeyError, LookupError, TypeError, ValueError):
        assert PARTS[part][0](app, owner) != "plugin_failed"
    assert faults() == []


@pytest.mark.parametrize("mistake", RAISED)
def test_a_meter_that_cannot_settle_is_told_and_the_call_counts(
    mistake: str, app: App, owner: Person, wrong: Wrong, calls: Calls, faults: Faults
) -> None:
    wrong(meter_settle=mistake)
    made = agent(owner, "done")
    execution = ran(app, owner, owner.client.post(f"/agents/{made['id']}/execute", {"input": "?"}).data["id"])
    assert (execution["output"], calls("meter_settle")) == ("done", 1)
    assert "plugin=clumsy" in faults()[0]


@pytest.mark.parametrize("mistake", ["key", "exit", "sql"])
def test_the_fault_of_a_responder_is_told_with_its_plugin_and_line(
    mistake: str, owner: Person, wrong: Wrong, faults: Faults
) -> None:
    wrong(responder=mistake)
    answer = owner.client.get("/clumsy")
    assert (answer.status, answer.codes) == (500, {"_": ["internal_error"]})
    [line] = faults()
    assert "plugin=clumsy" in line and "(clumsy/__init__.py:" in line, line


def test_what_ctrl_c_raises_is_a_fault_where_no_signal_is_handled(owner: Person, wrong: Wrong, faults: Faults) -> None:
    wrong(responder="interrupt", before_commit="interrupt")
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(owner.client.get, "/clumsy").result().status == 500
        answer = elsewhere.submit(owner.client.post, "/projects", {"name": "P"}).result()
    assert answer.codes == {"_": ["plugin_failed"]}
    with pytest.raises(KeyboardInterrupt):
        owner.client.get("/clumsy")


@pytest.mark.parametrize("mistake", [*RAISED, "five"])
def test_a_plugin_that_cannot_tell_who_asks_refuses_only_what_nobody_else_knows(
    mistake: str, owner: Person, wrong: Wrong, faults: Faults
) -> None:
    wrong(authenticate=mistake)
    assert owner.client.get("/projects").status == 200
    [line] = faults()
    assert "plugin=clumsy" in line and "hook=authenticate" in line and "(clumsy/__init__.py:" in line, line
    nobody = replace(owner.client, token="theirs")
    assert nobody.get("/projects").codes == {"_": ["plugin_failed"]}
    assert replace(owner.client, token=None).get("/projects").status == 401


@pytest.mark.parametrize("mistake", ["key", "sql", "exit", "five"])
def test_where_a_plugin_cannot_tell_what_is_on_it_is_named(mistake: str, world: World, wrong: Wrong, faults: Faults) -> None:
    wrong(feature_allowed=mistake)
    owner = world.organization()
    assert owner.client.get("/clumsy").codes == {"_": ["plugin_failed"]}
    line = faults()[0]
    assert "plugin=clumsy" in line and "hook=feature_allowed" in line and "(clumsy/__init__.py:" in line, line


@pytest.mark.parametrize("mistake", RAISED)
def test_a_receiver_of_spans_that_fails_breaks_nothing_and_is_told_once_a_minute(
    mistake: str, owner: Person, wrong: Wrong, calls: Calls, faults: Faults
) -> None:
    wrong(span=mistake)
    assert [owner.client.get("/projects").status for _ in range(3)] == [200, 200, 200]
    assert calls("span") == 3
    assert all("plugin=clumsy" in line and "(clumsy/__init__.py:" in line for line in faults())


def test_a_delivery_that_fails_names_the_plugins_line_in_its_job(app: App, owner: Person, wrong: Wrong) -> None:
    wrong(after_commit="sql")
    owner.client.post("/projects", {"name": "P"})
    work_off(app)
    with system_scope("look at the jobs"):
        [job] = JobRow.select().where(JobRow.name == "core.deliver_event", JobRow.plugin == "clumsy", JobRow.attempt > 0)
    assert "syntax error" in job.error and "(clumsy/__init__.py:" in job.error


def test_a_change_that_violates_a_constraint_is_not_the_fault_of_the_listener_that_asks_next(
    owner: Person, faults: Faults
) -> None:
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    body = {"name": "Good", "criteria": [{"key": "good", "weight": 1, "grader": "clumsy"}]}
    answers = [owner.client.post(f"/engines/{engine}/rubrics", body) for _ in range(2)]
    assert answers[1].codes == {"name": ["not_unique"]}
    assert faults() == []
