"""Probes of how workflows use node types, tools and import formats, for the contract suite."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from . import service
from .models import ACTIVE

#: What loops need in their config, by the names that the kernel reads; those of other types may be wrong.
_LOOP: Mapping[str, Any] = {
    "items": "{{ input }}",
    "when": "{{ input }}",
    "max_iterations": 1,
    "body": {"nodes": [{"id": "inside", "type": "transform", "config": {"value": 1}}], "edges": [], "output": 1},
}


def _seen(trial: Trial, type_: str, config: Mapping[str, Any]) -> Use:
    """A workflow with the node is validated and run; tells what is wrong with it, of the run and of its log."""
    client, node = trial.person.client, {"id": "probe", "type": type_, "config": config}
    definition = {"language": 1, "nodes": [node], "edges": [], "output": "{{ nodes.probe.output }}"}
    values = {"name": f"Probe {token_hex(4)}", "status": ACTIVE, "definition": definition}
    with trial.writing():
        workflow_id = service.create(values, trial.person.user_id).id

    def use() -> str:
        validated = told(client.post("/workflows/validate", {"definition": definition}))
        started = client.post(f"/workflows/{workflow_id}/execute", {"input": []})
        if started.status != 202:
            return validated + told(started)
        trial.work_off()
        path = f"/executions/{started.data['id']}"
        return " ".join([validated, told(client.get(path)), told(client.get(f"{path}/logs"))])

    return use


def _node(trial: Trial) -> Use:
    required = trial.app.offers("node_types")[trial.name].config.get("required", ())
    return _seen(trial, trial.name, {name: _LOOP[name] for name in required if name in _LOOP})


def _tool(trial: Trial) -> Use:
    return _seen(trial, "tool", {"ref": f"{trial.name}:probe"})


def _importing(trial: Trial) -> Use:
    return lambda: told(trial.person.client.post("/workflows/import", {"format": trial.name, "document": {}}))


PROBES: Probes = {
    "node_types": (Probe(_node, says="The plugin {plugin}, which brings the type"),),
    "tools": (Probe(_tool, says="The plugin {plugin}, which brings this tool"),),
    "workflow_importers": (Probe(_importing, says="The plugin {plugin}, which brings the format"),),
}
