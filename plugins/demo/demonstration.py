"""The demonstration of ``aasim up --demo``: a customer's message goes through a workflow with a model, an approval and a tool.

Everything is done with the API, as any client would, and stays there to be looked at. What exists already is used again.
"""

import json
import time
from collections.abc import Callable, Mapping
from textwrap import indent
from threading import Event
from typing import TYPE_CHECKING, Any

from aasim_core.errors import StartupError

from .agent import SAMPLE

if TYPE_CHECKING:
    from aasim_core.outbound.own_api import OwnApi

MESSAGE = "My name is Grace Hopper. I live in Boston. My order number is 4711, and the lamp is broken."
_POLICY = {
    "name": "Refunds (sample)",
    "tool": "demo:refund",
    "assignees": [{"type": "owner"}],
    # The one who decides here is the one who started the run.
    "own_requests": True,
}
_PATIENCE_SECONDS = 120


Say = Callable[[str], None]


def show(api: "OwnApi", say: Say) -> None:
    """Run the sample workflow, approve what it asks for, and say each step."""
    agent = _ensure(api, "/agents", SAMPLE)
    budget = _ensure(api, "/budgets", _budget(agent["id"]))
    _ensure(api, "/hitl-approvals/policies", _POLICY)
    workflow = _ensure(api, "/workflows", _workflow(agent["id"]))
    say(f"\n  A customer writes:\n    {MESSAGE}\n\n  The workflow {workflow['name']} runs:\n")
    say(indent(api.text(f"/workflows/{workflow['id']}/graph", format="text"), "    "))
    run_id = api.post(f"/workflows/{workflow['id']}/execute", {"input": {"message": MESSAGE}})["id"]
    _show_read(api, run_id, say)
    approval_id = _show_refund(api, run_id, say)
    _show_answer(api, run_id, say)
    _show_budget(api, budget["id"], say)
    _show_log(api, approval_id, say)


def _ensure(api: "OwnApi", path: str, wanted: Mapping[str, Any]) -> Any:
    """The object of that name, which is created where there is none."""
    found = api.get(path, name=wanted["name"], limit=1)["items"]
    return found[0] if found else api.post(path, wanted)


def _budget(agent_id: str) -> Mapping[str, Any]:
    return {
        "name": "Message reader, daily (sample)",
        "place": {"type": "agent", "id": agent_id},
        "period": "day",
        "max_tokens": 100_000,
    }


def _workflow(agent_id: str) -> Mapping[str, Any]:
    order = {"order": "{{ nodes.read.output.order_number }}", "amount": 40}
    paid = "{{ nodes.refund.output.paid }} EUR for order {{ nodes.refund.output.order }}"
    return {
        "name": "Refund an order (sample)",
        "status": "active",
        "tags": ["sample"],
        "definition": {
            "language": 1,
            "nodes": [
                {"id": "read", "type": "agent", "config": {"agent_id": agent_id}, "input": "{{ input.message }}"},
                {"id": "refund", "type": "tool", "config": {"ref": "demo:refund", "arguments": order}},
                {
                    "id": "answer",
                    "type": "transform",
                    "config": {"value": f"Dear {{{{ nodes.read.output.name }}}}, {paid} are on their way."},
                },
            ],
            "edges": [{"from": "read", "to": "refund"}, {"from": "refund", "to": "answer"}],
        },
    }


def _show_read(api: "OwnApi", run_id: str, say: Say) -> None:
    read = _eventually(lambda: _ended_node(api, run_id, "read"), "the answer of the model")
    _say_step(say, "read", f"The embedded model finds {_json(read['output'])}.")


def _show_refund(api: "OwnApi", run_id: str, say: Say) -> str:
    """Approve the call of the tool; returns the id of the approval."""
    asked = _eventually(lambda: _pending(api, run_id), "the request for approval")
    _say_step(say, "refund", f"The tool wants to pay: {_json(asked['payload']['arguments'])}. That needs approval.")
    approval = {"comment": "It came broken.", "action_hash": asked["action_hash"]}
    decided = api.post(f"/hitl-approvals/{asked['id']}/approve", approval)
    paid = _eventually(lambda: _ended_node(api, run_id, "refund"), "the result of the tool")
    _say_step(say, "", f"The administrator says: {decided['status']}. The tool answers {_json(paid['output'])}.")
    return str(asked["id"])


def _show_answer(api: "OwnApi", run_id: str, say: Say) -> None:
    ended = _eventually(lambda: _ended_node(api, run_id, "answer"), "the end of the run")
    _say_step(say, "answer", ended["output"])


def _show_budget(api: "OwnApi", budget_id: str, say: Say) -> None:
    budget = api.get(f"/budgets/{budget_id}")
    _say_step(say, "budget", f"{budget['current']['used_tokens']} of {budget['max_tokens']} tokens used today.")


def _show_log(api: "OwnApi", approval_id: str, say: Say) -> None:
    line = api.get("/activities", subject_id=approval_id, action="hitl_approvals.approved")["items"][0]
    _say_step(say, "log", f"{line['occurred_at']}  {line['actor']['label']}  {line['action']}  {line['subject']['label']}")


def _say_step(say: Say, name: str, what: str) -> None:
    say(f"  {name:<8}{what}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _ended_node(api: "OwnApi", run_id: str, node_id: str) -> Any:
    """What became of a node, None before it has ended; StartupError if it, or the run before it, ended in another way than well."""
    run = api.get(f"/workflows/executions/{run_id}")
    found = next((node for node in run["nodes"] if node["path"] == node_id and node["outcome"] == "done"), None)
    if found is None and run["execution"]["finished_at"] is not None:
        error = run["execution"]["error"] or {}
        raise StartupError(f"the sample workflow {run['execution']['status']}: {error.get('message', '')}", exit_code=69)
    return found


def _pending(api: "OwnApi", run_id: str) -> Any:
    """The request for approval of the run, None before it has come; StartupError where the run has ended before."""
    _ended_node(api, run_id, "refund")
    return next(iter(api.get("/hitl-approvals", execution_id=run_id, status="pending")["items"]), None)


def _eventually(look: Callable[[], Any], what: str) -> Any:
    """What `look` finds once it is there; StartupError where that takes too long."""
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, Event()
    while time.monotonic() < deadline:
        if found := look():
            return found
        pause.wait(0.1)
    raise StartupError(f"{what} did not come within {_PATIENCE_SECONDS} s; look at the log of the run", exit_code=75)
