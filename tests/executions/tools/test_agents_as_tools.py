"""Agents that call agents: the run that calls waits for the run that it started."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.statements import plan_of, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.hookspecs import ToolUse

from .test_tool_calls import call, calls_of, read, run

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def children_of(owner: Person, execution: dict[str, Any]) -> list[dict[str, Any]]:
    return list(owner.client.get(f"/executions?parent_id={execution['id']}").data["items"])


def boss_of(scripted: Make, helper: dict[str, Any], name: str = "Boss") -> dict[str, Any]:
    tools = [{"ref": f"agent:{helper['id']}"}]
    return scripted(call(helper["slug"], input="Do it."), "done", name=name, tools=tools)


def test_an_agent_asks_another_one_and_gets_its_answer(owner: Person, scripted: Make, work: Work) -> None:
    execution = run(owner, boss_of(scripted, scripted("I did.", name="Helper")), work)
    work()
    assert (read(owner, execution["id"])["status"], calls_of(owner, execution)[0]["result"]) == (
        "succeeded",
        {"result": "I did."},
    )
    [child] = children_of(owner, execution)
    assert (child["root_id"], child["trigger"]["type"], child["input"]) == (execution["id"], "agent", "Do it.")


def test_an_agent_that_is_asked_nothing_does_not_run(owner: Person, scripted: Make, work: Work) -> None:
    helper = scripted("I did.", name="Helper")
    boss = scripted(call(helper["slug"], input=""), "done", name="Boss", tools=[{"ref": f"agent:{helper['id']}"}])
    execution = run(owner, boss, work)
    assert children_of(owner, execution) == []
    assert "input" in calls_of(owner, execution)[0]["result"]["error"]


def test_the_run_that_is_waited_for_is_found_by_an_index(app: App, owner: Person, scripted: Make, work: Work) -> None:
    with recorded(app.database) as statements:
        run(owner, boss_of(scripted, scripted("I did.", name="Helper")), work)
    searches = [each for each in statements if '"parent_id" =' in each.sql and each.sql.startswith("SELECT")]
    with organization_scope(owner.organization_id):
        if app.database.for_update:
            app.database.execute_sql("SET enable_seqscan = off")  # so few rows are quicker read one after the other
        plans = [plan_of(app.database, each) for each in searches]
    assert plans
    # Of so few rows one index is as good as another to PostgreSQL.
    wanted = "Index" if app.database.for_update else "executions_execution_children"
    assert all(wanted in plan for plan in plans), plans


def test_what_became_of_a_run_that_failed_is_told_to_the_caller(owner: Person, scripted: Make, work: Work) -> None:
    execution = run(owner, boss_of(scripted, scripted({"fault": "refused"}, name="Helper")), work)
    work()
    assert "run failed" in calls_of(owner, execution)[0]["result"]["error"]
    assert read(owner, execution["id"])["output"] == "done"


def test_cancelling_a_run_cancels_those_that_it_waits_for(
    owner: Person, scripted: Make, work: Work, shed: Any, desk: Any
) -> None:
    helper = scripted(call("hammer", what="nail"), name="Helper", tools=[{"ref": shed.add("hammer", effect="pay")}])
    execution = run(owner, boss_of(scripted, helper), work)
    work()
    [child] = children_of(owner, execution)
    assert (child["status"], read(owner, execution["id"])["waiting_for"]) == ("waiting", "approval")
    owner.client.post(f"/executions/{execution['id']}/cancel", {"reason": "Not needed."})
    assert (read(owner, child["id"])["status"], read(owner, child["id"])["cancel_reason"]) == ("cancelled", "Not needed.")


@pytest.mark.long
def test_agents_call_each_other_five_deep_at_most(owner: Person, scripted: Make, work: Work) -> None:
    agent = scripted("bottom", name="Level 0")
    for level in range(1, 7):
        agent = boss_of(scripted, agent, f"Level {level}")
    execution = run(owner, agent, work)
    while work():
        pass
    assert read(owner, execution["id"])["status"] == "succeeded"
    since = f"created_at[gte]={execution['created_at']}"
    told = [made["result"] for each in owner.client.get(f"/executions?root_id={execution['id']}&{since}").data["items"]
            for made in calls_of(owner, each)]  # fmt: skip
    assert {"error": "Runs start each other at most 5 deep."} in told
    assert len(told) == 5


def test_a_private_agent_is_no_tool_of_others(world: World, owner: Person, scripted: Make) -> None:
    helper = scripted("mine", name="Helper", visibility="private")
    builder = world.member(owner, "builder")
    answer = builder.client.post("/agents", {"name": "Boss", "tools": [{"ref": f"agent:{helper['id']}"}]})
    assert answer.codes == {"tools[0].ref": ["invalid_reference"]}


def test_a_run_that_has_begun_calls_the_agents_of_its_project_though_that_is_on_hold(
    owner: Person, scripted: Make, work: Work
) -> None:
    project_id, other = (owner.client.post("/projects", {"name": name}).data["id"] for name in ("Website", "Other"))
    near, far = (scripted(f"I am {name}.", name=name, project_id=at) for name, at in (("near", project_id), ("far", other)))
    calls = (call(near["slug"], input="Do it."), call(far["slug"], input="Do it."), "done")
    boss = scripted(*calls, name="Boss", project_id=project_id, tools=[{"ref": f"agent:{each['id']}"} for each in (near, far)])
    begun = owner.client.post(f"/agents/{boss['id']}/execute", {"input": "Go."}).data
    for held in (project_id, other):
        owner.client.put(f"/projects/{held}/status", {"status": "on_hold", "reason": "A pause."})
    while work():
        pass
    told = [made["result"] for made in calls_of(owner, begun)]
    assert told[0] == {"result": "I am near."}
    assert "The project is on hold" in told[1]["error"]


def test_an_agent_that_answers_before_it_is_waited_for_is_asked_once(app: App, owner: Person, scripted: Make, work: Work) -> None:
    agents, asked = app.offers("tools")["agent"], list[Any]()

    def answer_first(use: ToolUse) -> Any:
        asked.append(agents.call(use))
        work()
        return asked[-1]

    app.offers.keep("tools", {**app.offers("tools"), "agent": replace(agents, call=answer_first)})
    execution = run(owner, boss_of(scripted, scripted("I did.", name="Helper")), work)
    work()
    assert read(owner, execution["id"])["status"] == "succeeded"
    [child] = children_of(owner, execution)
    assert [awaited.id for awaited in asked] == [child["id"]]
