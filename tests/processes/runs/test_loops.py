"""What leaves the installation and comes back to it, by a webhook or a node, ends there too."""

from typing import Any

import pytest

from ...bench.processes import eventually
from ..client import Client
from ..conftest import Install

pytestmark = pytest.mark.long

LOOPBACK = '["127.0.0.0/8"]'


def flow_with_address(ada: Client, name: str, node: dict[str, Any]) -> dict[str, Any]:
    """A flow that requests start, and whose runs have this node."""
    workflow = ada.post("/workflows", {"name": name, "status": "active", "definition": definition(node)}).data
    trigger = {"type": "webhook", "verification": {"scheme": "none"}}
    body = {"name": name, "target": {"type": "workflow", "id": workflow["id"]}, "trigger": trigger, "input": "Go."}
    made: dict[str, Any] = ada.post("/job-flows", body).data
    return made | {"workflow_id": workflow["id"]}


def definition(node: dict[str, Any]) -> dict[str, Any]:
    """A workflow of one node."""
    return {"language": 1, "nodes": [node], "edges": []}


def outcomes(ada: Client, flow: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What became of each request, the first one first."""
    found = ada.get(f"/job-flows/{flow['id']}/executions?sort=due_at").data["items"]
    return [(one["outcome"], one["reason"]) for one in found]


def test_a_request_that_comes_back_starts_nothing(install: Install) -> None:
    here = install(AASIM_WEBHOOKS__ALLOWED_NETWORKS=LOOPBACK, AASIM_WORKFLOWS__ALLOWED_NETWORKS=LOOPBACK)
    here.serve()
    here.start("worker")
    ada, server = here.visitor.register(), f"http://127.0.0.1:{here.port}"
    by_webhook = flow_with_address(ada, "Ping", {"id": "ping", "type": "emit_event", "config": {"name": "custom.ping"}})
    made = ada.post("/webhooks", {"url": server + by_webhook["hook_path"], "events": ["custom.*"]})
    by_node = flow_with_address(ada, "Call", {"id": "wait", "type": "transform", "config": {"value": 1}})
    node = {"id": "call", "type": "http", "config": {"url": server + by_node["hook_path"], "method": "POST"}}
    changed = ada.ask("PATCH", f"/workflows/{by_node['workflow_id']}", {"definition": definition(node)})
    assert (made.status, changed.status) == (201, 200)
    for flow in (by_webhook, by_node):
        ada.post(f"/workflows/{flow['workflow_id']}/execute", {"input": "Go."})
    for flow in (by_webhook, by_node):
        eventually(lambda flow=flow: len(outcomes(ada, flow)) == 2, "that the request has come back")
        assert outcomes(ada, flow) == [("started", None), ("skipped", "loop")]
