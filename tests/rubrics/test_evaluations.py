"""Evaluations beside the rest: with API keys, of agents that are halted meanwhile, and compared with others."""

from collections.abc import Callable
from typing import Any

from aasim_core.app import App
from aasim_core.testing.world import Client, Person

from .test_runs import evaluated, examples

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
