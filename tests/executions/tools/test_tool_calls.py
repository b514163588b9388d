"""Tools in a run: what an agent may call, what is put to people first, and what is done exactly once."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolError

pytestmark = pytest.mark.long

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A turn of the script that calls one tool."""
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def run(person: Person, agent: dict[str, Any], work: Work) -> dict[str, Any]:
    """Start the agent, let the worker do what it can, and read the execution."""
    answer = person.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"})
    assert answer.status == 202, answer
    work()
    return read(person, answer.data["id"])


def read(person: Person, execution_id: str) -> dict[str, Any]:
    return dict(person.client.get(f"/executions/{execution_id}").data)


def calls_of(person: Person, execution: dict[str, Any]) -> list[dict[str, Any]]:
    return list(person.client.get(f"/executions/{execution['id']}/tool-calls").data["items"])


def test_an_agent_calls_its_tool_and_goes_on_with_the_result(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}])
    execution = run(owner, agent, work)
    assert (execution["status"], execution["output"]) == ("succeeded", "done")
    [made] = calls_of(owner, execution)
    assert (made["status"], made["ref"], made["arguments"]) == ("done", "shed:hammer", {"what": "nail"})
    assert made["result"] == {"result": {"did": "hammer", "what": "nail"}}


def test_a_tool_is_told_on_whose_behalf_it_is_called(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    [use] = shed.used
    assert list(use.chain) == execution["chain"]
    assert (use.chain[0], use.chain[-1]) == (owner.user_id, execution["id"])


def test_arguments_that_the_agent_fixes_are_not_the_models_choice(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    tools = [{"ref": shed.add("hammer"), "arguments": {"what": "screw"}}]
    run(owner, scripted(call("hammer", what="nail"), "done", tools=tools), work)
    assert [use.arguments for use in shed.used] == [{"what": "screw"}]


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (call("saw"), "There is no tool named saw."),
        (call("hammer", what=3), "do not fit its schema: what"),
        ({"tool_calls": [{"name": "hammer", "arguments": "[1]"}]}, "are not a JSON object"),
    ],
)
def test_a_call_that_makes_no_sense_is_told_to_the_model_and_not_made(
    owner: Person, scripted: Make, work: Work, shed: Any, turn: Any, told: str
) -> None:
    execution = run(owner, scripted(turn, "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert execution["output"] == "done"
    [made] = calls_of(owner, execution)
    assert made["status"] == "denied"
    assert told in made["result"]["error"]
    assert shed.used == []


def test_rights_are_those_that_the_initiator_has_when_the_tool_is_called(
    world: World, owner: Person, scripted: Make, work: Work, shed: Any
) -> None:
    ref = shed.add("hammer", allowed=lambda rights, user_id: rights.has_anywhere("agents:execute"))
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": ref}])
    builder = world.member(owner, "builder")
    started = builder.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data
    owner.client.put(f"/users/{builder.user_id}/status", {"status": "suspended", "reason": "left"})
    work()
    [made] = calls_of(owner, started)
    assert "The starter of this run may not use hammer" in made["result"]["error"]
    assert shed.used == []


def test_what_a_tool_could_not_do_is_told_to_the_model(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    def fail(use: Any) -> Any:
        raise ToolError("The nail is bent.")

    shed.does = fail
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert [made["result"] for made in calls_of(owner, execution)] == [{"error": "The nail is bent."}]


def test_a_long_result_is_cut(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    shed.does = lambda use: "x" * 20_000
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    [made] = calls_of(owner, execution)
    assert len(made["result"]["cut_off"]) == 16_384
    assert "left out" in made["result"]["note"]


def test_a_result_that_nobody_can_keep_is_mended(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    shed.does = lambda use: {"half \ud800": ["a\0b", 10**20]}
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    [made] = calls_of(owner, execution)
    assert (made["status"], execution["output"]) == ("done", "done")
    assert made["result"] == {"result": {"half \ufffd": ["a\ufffdb", "100000000000000000000"]}}


def test_the_same_call_for_the_third_time_ends_the_run(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    agent = scripted(*[call("hammer", what="nail")] * 5, tools=[{"ref": shed.add("hammer")}])
    error = run(owner, agent, work)["error"]
    assert (error["code"], error["meta"]["path"]) == ("tool_call_repeated", "engine#3")
    assert len(shed.used) == 2


def test_an_agent_has_a_limit_of_tool_calls(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    turns = [call("hammer", what=str(n)) for n in range(5)]
    agent = scripted(*turns, tools=[{"ref": shed.add("hammer")}], limits={"max_tool_calls": 3})
    assert run(owner, agent, work)["error"]["code"] == "max_tool_calls_reached"
    assert len(shed.used) == 3


@pytest.mark.parametrize(("effect", "approval"), [("pay", "auto"), ("read", "always"), ("write", "arguments.what == 'nail'")])
def test_a_grave_call_waits_for_people_and_holds_no_worker(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, effect: str, approval: str
) -> None:
    tools = [{"ref": shed.add("hammer", effect=effect), "approval": approval}]
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=tools), work)
    assert (execution["status"], execution["waiting_for"], work()) == ("waiting", "approval", 0)
    [question] = desk.open.values()
    assert {**question.action, "tool_digest": ""} == {"tool": "shed:hammer", "tool_digest": "", "arguments": {"what": "nail"}}
    [made] = calls_of(owner, execution)
    assert (made["status"], made["approval_id"], shed.used) == ("waiting", question.id, [])


@pytest.mark.parametrize(("effect", "approval"), [("pay", "never"), ("write", "auto"), ("pay", "arguments.what == 'screw'")])
def test_a_call_that_nobody_wants_to_see_is_made_at_once(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any, effect: str, approval: str
) -> None:
    tools = [{"ref": shed.add("hammer", effect=effect), "approval": approval}]
    assert run(owner, scripted(call("hammer", what="nail"), "done", tools=tools), work)["status"] == "succeeded"


def test_what_was_approved_with_edits_is_exactly_what_is_done(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    desk.decide(approved=True, arguments={"what": "peg"})
    work()
    assert read(owner, execution["id"])["output"] == "done"
    assert [use.arguments for use in shed.used] == [{"what": "peg"}]
    assert [made["arguments"] for made in calls_of(owner, execution)] == [{"what": "peg"}]


def test_what_was_denied_is_not_done_and_the_model_is_told_why(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    desk.decide(approved=False, comment="Too loud.")
    work()
    assert read(owner, execution["id"])["output"] == "done"
    assert [made["result"] for made in calls_of(owner, execution)] == [{"error": "A person denied this: Too loud."}]
    assert shed.used == []


def test_what_nobody_decided_is_not_put_down_to_a_person(owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    desk.decide(approved=False, comment="Nobody decided in time.", user_id=None)
    work()
    assert [made["result"] for made in calls_of(owner, execution)] == [{"error": "Nobody decided in time."}]


def test_without_anybody_to_ask_a_grave_call_is_not_made(app: App, owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    app.offers.keep("reviewers", {})
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    assert "approvals are off here" in calls_of(owner, execution)[0]["result"]["error"]
    assert shed.used == []


def test_a_call_that_was_approved_is_not_made_once_nobody_is_there_who_could_say_so(
    app: App, owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    desk.decide(approved=True)
    app.offers.keep("reviewers", {})
    work()
    assert (read(owner, execution["id"])["status"], shed.used) == ("succeeded", [])
    assert "approvals are off here" in calls_of(owner, execution)[0]["result"]["error"]


def test_a_late_decision_does_not_bring_a_cancelled_run_back(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    assert owner.client.post(f"/executions/{execution['id']}/cancel").data["status"] == "cancelled"
    desk.decide(approved=True)
    assert work() == 0
    assert (read(owner, execution["id"])["status"], shed.used) == ("cancelled", [])


def test_people_say_what_happened_where_nobody_knows(owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    def cut_off(use: Any) -> Any:
        raise ToolError("The connection was lost.", unknown=True)

    shed.does = cut_off
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}])
    execution = run(owner, agent, work)
    assert [made["status"] for made in calls_of(owner, execution)] == ["unknown"]
    assert [question.kind for question in desk.open.values()] == ["unknown_outcome"]
    desk.decide(approved=True, comment="The nail is in.")
    work()
    assert [made["result"] for made in calls_of(owner, execution)] == [{"result": "The nail is in."}]
    assert (read(owner, execution["id"])["output"], len(shed.used)) == ("done", 1)


def test_what_nobody_can_say_is_not_taken_for_not_done(owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    def cut_off(use: Any) -> Any:
        raise ToolError("The connection was lost.", unknown=True)

    shed.does = cut_off
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    desk.decide(approved=False, comment="Nobody decided in time.", user_id=None)
    work()
    [made] = calls_of(owner, execution)
    assert (made["status"], "do not do it again" in made["result"]["error"]) == ("unknown", True)


def test_a_tool_that_is_not_there_is_refused_when_the_agent_is_written(owner: Person, scripted: Make, shed: Any) -> None:
    shed.add("secret", allowed=lambda rights, user_id: False)
    tools = [{"ref": "shed:saw"}, {"ref": "shed:secret"}, {"ref": "barn:cow"}, {"ref": shed.add("hammer"), "approval": "1 +"}]
    answer = owner.client.post("/agents", {"name": "Carpenter", "tools": tools})
    assert answer.codes == {
        "tools[0].ref": ["invalid_reference"],
        "tools[1].ref": ["invalid_reference"],
        "tools[2].ref": ["invalid_reference"],
        "tools[3].approval": ["invalid_format"],
    }


def test_a_call_that_people_edited_keeps_what_the_model_proposed(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    desk.decide(approved=True, arguments={"what": "screw"})
    work()
    [made] = calls_of(owner, execution)
    assert (made["proposed_arguments"], made["arguments"]) == ({"what": "nail"}, {"what": "screw"})


def test_a_call_that_nobody_edited_has_no_other_proposal(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    assert calls_of(owner, execution)[0]["proposed_arguments"] is None


def test_the_log_tells_which_calls_the_engine_proposed(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    execution = run(owner, scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer")}]), work)
    lines = owner.client.get(f"/executions/{execution['id']}/logs").data["entries"]
    said = [line["message"] for line in lines if line["event"] == "engine_replied"]
    assert said == ['hammer({"what": "nail"})', "done"]


def test_an_execution_names_the_approval_that_it_waits_for(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    agent = scripted(call("hammer", what="nail"), "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, agent, work)
    assert [execution["approval_id"]] == list(desk.open)
    desk.decide(approved=True)
    work()
    ended = read(owner, execution["id"])
    assert (ended["approval_id"], ended["waiting_for"]) == (None, None)


def test_events_name_an_execution_by_its_agent(owner: Person, scripted: Make, work: Work) -> None:
    execution = run(owner, scripted("Hello.", name="Greeter"), work)
    events = owner.client.get(f"/activities?subject_id={execution['id']}").data["items"]
    assert {(event["subject"]["type"], event["subject"]["label"]) for event in events} == {("execution", "Greeter")}
