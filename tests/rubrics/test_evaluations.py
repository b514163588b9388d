"""Evaluations beside the rest: with API keys, of agents that are halted meanwhile, and compared with others."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Client, Person

from .conftest import path_of
from .test_runs import done, evaluated, examples, look_again

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
SCOPES = ["rubrics:read", "rubrics:evaluate", "agents:read", "agents:execute", "executions:read"]


def _project(owner: Person, name: str) -> str:
    return str(owner.client.post("/projects", {"name": name}).data["id"])


def _key_of(owner: Person, project_id: str) -> Person:
    """Whoever has a key of the owner that is for one project."""
    made = owner.client.post("/api-keys", {"name": "CI", "project_id": project_id, "scopes": SCOPES}).data
    return Person(owner.user_id, owner.organization_id, Client(owner.client.wsgi, made["key"]))


def test_a_key_reaches_no_further_in_an_evaluation_than_in_a_run(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    here, there = _project(owner, "Website"), _project(owner, "Payroll")
    helper = make_agent("A secret", name="Helper", project_id=there)
    tools = [{"ref": f"agent:{helper['id']}", "approval": "never"}]
    calls = {"tool_calls": [{"name": helper["slug"], "arguments": {"input": "Do it."}}]}
    agent = make_agent(calls, "Paris", name="Boss", project_id=here, tools=tools)
    rubric = make_rubric()
    examples(owner, rubric, "Hello")
    [case] = evaluated(app, _key_of(owner, here), rubric, {"agent_id": agent["id"]}, work)["cases"]
    [call] = owner.client.get(f"/executions/{case['execution_id']}/tool-calls").data["items"]
    assert call["status"] == "denied"


def test_an_evaluation_that_one_cannot_see_cannot_be_compared_with(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    here, there = _project(owner, "Website"), _project(owner, "Payroll")
    rubric = make_rubric()
    examples(owner, rubric, "Hello")
    mine, other = (
        evaluated(app, owner, rubric, {"agent_id": make_agent(name=f"In {place}", project_id=place)["id"]}, work)
        for place in (here, there)
    )
    path = path_of(rubric, f"/evaluations/{mine['id']}/compare?with={other['id']}")
    assert owner.client.get(path).status == 200
    assert _key_of(owner, here).client.get(path).codes == {"with": ["invalid_parameter"]}


def _begun(owner: Person, rubric: dict[str, Any], agent: dict[str, Any]) -> str:
    return str(owner.client.post(path_of(rubric, "/evaluations"), {"agent_id": agent["id"]}).data["id"])


@pytest.mark.long
def test_what_still_runs_is_not_compared(make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work) -> None:
    rubric, agent = make_rubric(), make_agent()
    examples(owner, rubric, *["Hello"] * 6)
    evaluated(app, owner, rubric, {"agent_id": agent["id"]}, work)
    begun = _begun(owner, rubric, agent)
    work()  # four runs
    look_again(app, owner, begun)
    work()  # their scores
    compared = owner.client.get(path_of(rubric, f"/evaluations/{begun}/compare")).data
    assert (compared["worse"], compared["better"], compared["unchanged"], compared["without_counterpart"]) == ([], [], 4, 2)


def test_an_evaluation_is_compared_with_the_last_one_that_was_done(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    rubric, agent = make_rubric(), make_agent()
    examples(owner, rubric, "Hello")
    first = evaluated(app, owner, rubric, {"agent_id": agent["id"]}, work)
    _, last = _begun(owner, rubric, agent), _begun(owner, rubric, agent)
    assert owner.client.get(path_of(rubric, f"/evaluations/{last}/compare")).data["before_id"] == first["id"]


def _halted(owner: Person, agent: dict[str, Any]) -> Callable[[], Any]:
    owner.client.post(f"/agents/{agent['id']}/halt", {"reason": "A test."})
    return lambda: owner.client.post(f"/agents/{agent['id']}/resume")


def _paused(owner: Person, agent: dict[str, Any]) -> Callable[[], Any]:
    owner.client.patch(f"/agents/{agent['id']}", {"status": "paused"})
    return lambda: owner.client.patch(f"/agents/{agent['id']}", {"status": "active"})


def _on_hold(owner: Person, agent: dict[str, Any]) -> Callable[[], Any]:
    path = f"/projects/{agent['project_id']}/status"
    owner.client.put(path, {"status": "on_hold", "reason": "A test."})
    return lambda: owner.client.put(path, {"status": "active", "reason": "A test."})


@pytest.mark.parametrize("stop", [_halted, _paused, _on_hold])
def test_an_evaluation_waits_while_its_agent_cannot_run(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work, stop: Callable[..., Any]
) -> None:
    rubric, agent = make_rubric(), make_agent("Paris", project_id=_project(owner, "Website"))
    examples(owner, rubric, "Hello")
    path = path_of(rubric, f"/evaluations/{_begun(owner, rubric, agent)}")
    go_on = stop(owner, agent)
    work()
    assert [case["status"] for case in owner.client.get(path).data["cases"]] == ["waiting"]
    go_on()
    look_again(app, owner, path.rpartition("/")[2])
    assert done(app, owner, path, work)["verdicts"] == {"pass": 1}


@pytest.mark.parametrize("end", ["archive", "delete"])
def test_an_evaluation_breaks_when_its_agent_is_gone_for_good(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work, end: str
) -> None:
    rubric, agent = make_rubric(), make_agent("Paris")
    examples(owner, rubric, "Hello")
    path = path_of(rubric, f"/evaluations/{_begun(owner, rubric, agent)}")
    at = f"/agents/{agent['id']}"
    owner.client.delete(at) if end == "delete" else owner.client.patch(at, {"status": "archived"})
    assert done(app, owner, path, work)["verdicts"] == {"broken": 1}
