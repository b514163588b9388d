"""Probes of how agents use tools, assessors and reviewers, for the contract suite."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from . import service
from .models import Agent


def _agent(trial: Trial, tools: Sequence[Mapping[str, Any]] = (), replies: Sequence[Any] = ("Done.",)) -> Agent:
    """An agent that says what a script has; its tools need not exist."""
    engine = trial.person.client.get("/engines?provider=scripted").data["items"][0]
    values = {"name": f"Probe {token_hex(4)}", "tools": list(tools), "parameters": {"replies": list(replies)}}
    with trial.writing():
        return service.create({**values, "engine_id": engine["id"]}, trial.person.user_id)


def _tool(ref: str, approval: str) -> dict[str, Any]:
    return {"ref": ref, "approval": approval, "arguments": {}}


def _runs(trial: Trial, agent: Agent) -> Use:
    """Runs the agent; tells of the run, its log and its calls."""
    client = trial.person.client

    def use() -> str:
        started = client.post(f"/agents/{agent.id}/execute", {"input": "Hello"})
        if started.status != 202:
            return told(started)
        trial.work_off()
        path = f"/executions/{started.data['id']}"
        return " ".join(told(client.get(each)) for each in (path, f"{path}/logs", f"{path}/tool-calls"))

    return use


def _with_tool(trial: Trial) -> Use:
    return _runs(trial, _agent(trial, [_tool(f"{trial.name}:probe", "never")]))


def _choosing_tool(trial: Trial) -> Use:
    body = {"name": f"Probe {token_hex(4)}", "tools": [{"ref": f"{trial.name}:probe"}]}
    return lambda: told(trial.person.client.post("/agents", body))


def _assessed(trial: Trial) -> Use:
    return _runs(trial, _agent(trial))


def _asking(trial: Trial) -> Use:
    """An agent calls another one, which people have to approve; another plugin may ask them then."""
    other = _agent(trial)
    call = {"tool_calls": [{"name": other.slug, "arguments": {"input": "Hello"}}]}
    return _runs(trial, _agent(trial, [_tool(f"agent:{other.id}", "always")], [call, "Done."]))


PROBES: Probes = {
    "tools": (
        Probe(_with_tool, says="tool_unavailable"),
        Probe(_choosing_tool, says="The plugin {plugin}, which brings this tool, is off"),
    ),
    "assessors": (Probe(_assessed),),
    "reviewers": (Probe(_asking),),
}
