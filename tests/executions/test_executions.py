"""Running agents: states, results, limits, logs, cancelling and repeating."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution, Step

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def execute(person: Person, agent: dict[str, Any], given: Any = "hello", **fields: Any) -> dict[str, Any]:
    answer = person.client.post(f"/agents/{agent['id']}/execute", {"input": given, **fields})
    assert answer.status == 202, answer
    return dict(answer.data)


def read(person: Person, execution: dict[str, Any]) -> dict[str, Any]:
    return dict(person.client.get(f"/executions/{execution['id']}").data)


@pytest.mark.long
def test_a_run_is_queued_at_once_and_succeeds_in_the_worker(owner: Person, scripted: Make, work: Work) -> None:
    queued = execute(owner, scripted("done"))
    assert (queued["status"], queued["output"], queued["started_at"]) == ("queued", None, None)
    assert work() == 1
    ended = read(owner, queued)
    assert (ended["status"], ended["output"], ended["agent_version"]) == ("succeeded", "done", 1)
    assert ended["usage"]["cost"] == 0
    assert ended["duration_ms"] >= 0


def test_the_instructions_are_filled_in_from_the_input(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted(parameters={"echo": True})
    execution = execute(owner, agent, {"text": "a", "n": 1})
    work()
    assert read(owner, execution)["output"] == '{"text":"a","n":1}'


def test_a_run_pins_the_version_it_was_started_with(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("first")
    execution = execute(owner, agent)
    owner.client.patch(f"/agents/{agent['id']}", {"parameters": {"replies": ["second"]}})
    work()
    assert (read(owner, execution)["output"], read(owner, execution)["agent_version"]) == ("first", 1)
    again = execute(owner, agent, version=1)
    work()
    assert read(owner, again)["output"] == "first"
    assert owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x", "version": 9}).codes == {
        "version": ["invalid_reference"]
    }


def test_calls_of_unknown_tools_are_answered_and_the_run_goes_on(owner: Person, scripted: Make, work: Work, app: App) -> None:
    execution = execute(owner, scripted({"tool_calls": [{"name": "look", "arguments": {"at": "sky"}}]}, "done"))
    work()
    assert read(owner, execution)["output"] == "done"
    with organization_scope(owner.organization_id):
        steps = Step.select().where(Step.execution_id == execution["id"]).order_by(Step.number)
        assert [(step.number, step.name) for step in steps] == [(1, "engine"), (2, "tool:look"), (3, "engine")]


def test_an_input_that_breaks_the_schema_is_refused(owner: Person, scripted: Make) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    agent = scripted("x", input_schema=schema)
    answer = owner.client.post(f"/agents/{agent['id']}/execute", {"input": {"n": "one"}})
    assert answer.codes == {"input.n": ["invalid_format"]}


@pytest.mark.parametrize("given", ["", " \n"])
def test_an_empty_input_is_refused(owner: Person, scripted: Make, given: str) -> None:
    answer = owner.client.post(f"/agents/{scripted('x')['id']}/execute", {"input": given})
    assert answer.codes == {"input": ["too_short"]}


def test_an_output_is_held_against_its_schema(owner: Person, scripted: Make, work: Work) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "multipleOf": 2}}, "required": ["n"]}
    good = execute(owner, scripted('{"n": 4}', name="Good", output_schema=schema))
    bad = execute(owner, scripted('{"n": 3}', name="Bad", output_schema=schema))
    work()
    assert read(owner, good)["output"] == {"n": 4}
    assert read(owner, bad)["error"]["code"] == "output_not_valid"


@pytest.mark.parametrize("status", ["paused", "archived"])
def test_an_agent_that_is_not_active_does_not_run(owner: Person, scripted: Make, status: str) -> None:
    agent = scripted("x", status=status)
    answer = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"})
    assert (answer.status, answer.codes) == (409, {"_": ["invalid_state"]})


def test_an_engine_fault_that_may_pass_is_tried_again_later(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted({"fault": "unavailable", "text": "late"}))
    work()
    waiting = read(owner, execution)
    assert (waiting["status"], waiting["attempt"]) == ("queued", 2)
    events = [entry["event"] for entry in owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]]
    assert events[-1] == "delayed"


def test_an_engine_fault_that_stays_fails_the_run(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted({"fault": "auth"}))
    work()
    ended = read(owner, execution)
    assert (ended["status"], ended["error"]["code"], ended["error"]["retryable"]) == ("failed", "engine_auth", False)


def test_limits_end_a_run_that_goes_round_in_circles(owner: Person, scripted: Make, work: Work) -> None:
    turns = [{"tool_calls": [{"name": "look", "arguments": {"at": n}}]} for n in range(10)]
    execution = execute(owner, scripted(*turns, limits={"max_steps": 3}))
    work()
    assert read(owner, execution)["error"]["code"] == "max_steps_reached"


def test_no_more_runs_of_an_agent_at_once_than_its_limit_allows(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("x", limits={"max_concurrent": 1})
    first, second = execute(owner, agent), execute(owner, agent)
    assert [read(owner, each)["waiting_for"] for each in (first, second)] == [None, "admission"]
    work()
    assert [read(owner, each)["status"] for each in (first, second)] == ["succeeded", "succeeded"]


def test_parameters_that_no_engine_could_take_are_refused(owner: Person, scripted: Make) -> None:
    agent = scripted("x")
    answer = owner.client.patch(f"/agents/{agent['id']}", {"parameters": {"temperature": 7}})
    assert answer.codes == {"parameters": ["invalid_format"]}
    answer = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x", "parameters": {"seed": "no"}})
    assert answer.codes == {"parameters": ["invalid_format"]}


def test_a_queued_run_is_cancelled_at_once_and_never_runs(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("x"))
    path = f"/executions/{execution['id']}/cancel"
    cancelled = owner.client.post(path, {"reason": "not needed"})
    assert (cancelled.status, cancelled.data["status"]) == (200, "cancelled")
    assert owner.client.post(path).status == 200
    work()
    assert read(owner, execution)["status"] == "cancelled"


def test_a_run_that_is_over_cannot_be_cancelled(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("x"))
    work()
    assert owner.client.post(f"/executions/{execution['id']}/cancel").codes == {"_": ["invalid_state"]}


def test_a_run_can_be_repeated_when_it_is_over(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("x"))
    path = f"/executions/{execution['id']}/retry"
    assert owner.client.post(path).codes == {"_": ["invalid_state"]}
    work()
    repeated = owner.client.post(path)
    assert (repeated.status, repeated.data["retry_of"]) == (202, execution["id"])
    assert repeated.data["trigger"] == {"type": "retry", "id": execution["id"]}


@pytest.mark.long
def test_a_full_queue_says_how_full(owner: Person, scripted: Make, app: App) -> None:
    agent = scripted("x")
    execution = execute(owner, agent)
    with app.database.transaction(), organization_scope(owner.organization_id):
        row = Execution.get_by_id(execution["id"]).row()
        from aasim_core.data.records import insert_rows
        from aasim_core.ids import new_id

        for _ in range(111):
            insert_rows(Execution, [{**row, "id": new_id("exec")} for _ in range(9)])
    # That they are there is noticed within a second.
    answers = iter(lambda: owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}), None)
    answer = next(answer for answer in answers if answer.status != 202)
    assert (answer.status, answer.codes) == (429, {"_": ["queue_full"]})
    assert answer.body["errors"]["_"][0]["meta"]["max"] == 1000


def test_the_log_is_ordered_and_read_in_stretches(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("x"))
    work()
    path = f"/executions/{execution['id']}/logs"
    log = owner.client.get(path).data
    assert [entry["sequence"] for entry in log["entries"]] == list(range(1, len(log["entries"]) + 1))
    assert log["ended"] is True
    rest = owner.client.get(f"{path}?after=1&limit=1").data
    assert [entry["sequence"] for entry in rest["entries"]] == [2]


def test_the_log_is_followed_to_its_end_as_events(owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("x"))
    work()
    stream = owner.client.get(f"/executions/{execution['id']}/logs", Accept="text/event-stream")
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.body.startswith("id: 1\nevent: log\ndata: {")
    assert stream.body.rstrip().endswith('event: end\ndata: {"status":"succeeded"}')
    resumed = owner.client.get(f"/executions/{execution['id']}/logs", Accept="text/event-stream", Last_Event_ID="2")
    assert resumed.body.startswith("id: 3\n")


def test_who_started_a_run_may_follow_it_and_others_need_the_permission(world: World, owner: Person, scripted: Make) -> None:
    project = world.node(owner, "project")
    operator = world.member(owner, "operator", project)
    execution = execute(operator, scripted("x"))
    assert operator.client.get(f"/executions/{execution['id']}").status == 200
    assert [item["id"] for item in operator.client.get("/executions").data["items"]] == [execution["id"]]
    other = execute(owner, scripted("x", name="Other"))
    assert operator.client.get(f"/executions/{other['id']}").status == 404
    assert len(owner.client.get("/executions").data["items"]) == 2


def test_no_duration_is_below_zero_though_clocks_differ(owner: Person, scripted: Make, work: Callable[[], int]) -> None:
    execution_id = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "hello"}).data["id"]
    work()
    with organization_scope(owner.organization_id):
        Execution.update(created_at=now() + timedelta(hours=1), finished_at=now() - timedelta(hours=1)).execute()
    execution = owner.client.get(f"/executions/{execution_id}").data
    assert (execution["queued_ms"], execution["duration_ms"]) == (0, 0)


@pytest.mark.parametrize(("reply", "state"), [("done", "succeeded"), ({"fault": "auth"}, "failed")])
def test_a_run_that_ends_is_one_line_of_the_log(owner: Person, scripted: Make, work: Work, reply: Any, state: str) -> None:
    execution = execute(owner, scripted(reply))
    with structlog.testing.capture_logs() as lines:
        work()
    [line] = [line for line in lines if line["event"] == "a run ended"]
    assert (line["execution_id"], line["organization_id"], line["principal"]) == (
        execution["id"],
        owner.organization_id,
        owner.user_id,
    )
    assert (line["state"], line["log_level"], line["seconds"] >= 0) == (state, "info", True)
