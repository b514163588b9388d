"""Idempotency keys of what the run of a due time does: a copy of the installation that treats the same due time sends the same."""

from collections.abc import Iterator
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_plugins.executions.hookspecs import Tool, ToolSource, ToolUse
from aasim_plugins.executions.models import Execution
from aasim_plugins.job_flows.models import Firing, JobFlow

from ..conftest import Flows

TOOL = {"ref": "shed:pay", "approval": "never"}


@pytest.fixture
def used(app: App) -> Iterator[list[ToolUse]]:
    """Every call of a tool ``shed:<any name>``."""
    calls: list[ToolUse] = []
    before = app.offers("tools")

    def find(name: str) -> Tool:
        return Tool(name, f"Use the {name}.", {"type": "object"}, lambda rights, user_id: True)

    app.offers.keep("tools", {**before, "shed": ToolSource("shed", find, calls.append)})
    yield calls
    app.offers.keep("tools", before)


def node(id_: str, type_: str = "tool", **config: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "config": config or TOOL}


def workflow(flows: Flows, name: str, *nodes: dict[str, Any]) -> str:
    """An active workflow of nodes that run in parallel; returns its id."""
    body = {"name": name, "status": "active", "definition": {"language": 1, "nodes": list(nodes), "edges": []}}
    return str(flows.client.post("/workflows", body).data["id"])


def payer(flows: Flows) -> str:
    """An agent that pays once."""
    call = {"name": "pay", "arguments": {"cents": 50}}
    return flows.make_agent("Payer", parameters={"replies": [{"tool_calls": [call]}, "Paid."]}, tools=[TOOL])


def everything(flows: Flows) -> dict[str, Any]:
    """A workflow that pays by tools of its own, by an agent and by another workflow."""
    inner = workflow(flows, "Inner", node("alone"))
    nodes = node("one"), node("two"), node("ask", "agent", agent_id=payer(flows)), node("more", "sub_workflow", workflow_id=inner)
    return {"type": "workflow", "id": workflow(flows, "Outer", *nodes)}


def again_as_in_a_copy(flows: Flows, flow_id: str) -> None:
    """Let the due time not have been treated, as in a copy that is older than it, and treat it."""
    with organization_scope(flows.owner.organization_id), database_of(Firing).transaction():
        due_at = Firing.get().due_at
        Firing.delete().execute()
        Execution.delete().execute()
        JobFlow.update(next_due_at=due_at, treated_until="2026-03-02T07:30:00.000Z").where(JobFlow.id == flow_id).execute()
    flows.watch()


@pytest.mark.long
def test_a_copy_that_treats_a_due_time_sends_the_same_keys(flows: Flows, used: list[ToolUse]) -> None:
    flow_id = flows.every(1, target=everything(flows), input={})
    flows.until("2026-03-02T07:31:00Z")
    first = sorted(use.idempotency_key for use in used)
    used.clear()
    again_as_in_a_copy(flows, flow_id)
    assert len(set(first)) == 4
    assert sorted(use.idempotency_key for use in used) == first


def test_the_next_due_time_and_a_retry_send_others(flows: Flows, used: list[ToolUse]) -> None:
    flows.every(1, agent_id=payer(flows))
    flows.until("2026-03-02T07:32:00Z")
    flows.client.post(f"/executions/{flows.runs()[0]['id']}/retry", {})
    flows.work()
    assert len(used) == len({use.idempotency_key for use in used}) == 3
