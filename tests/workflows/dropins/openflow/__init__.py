"""OpenFlow: workflows from Windmill's flows, as far as they are one step after the other."""

import re

from aasim_core import Plugin, hookimpl
from aasim_plugins.workflows.hookspecs import CannotImport, Imported, Mapped, Named, WorkflowImporter, placeholder

plugin = Plugin("OpenFlow", "Imports flows of Windmill.", requires=("workflows",))

_PATH = re.compile(r"(flow_input|results)((?:\.[A-Za-z_]\w*)+)")
_IDS = re.compile("[a-z][a-z0-9_]{0,39}")


def given(step):
    """The input of a step; LookupError names what cannot be translated."""
    transforms = step["value"].get("input_transforms", {})
    return {name: each["value"] if each["type"] == "static" else translated(each["expr"]) for name, each in transforms.items()}


def translated(expression):
    found = _PATH.fullmatch(expression.strip())
    if found is None:
        raise LookupError(f"{expression} is JavaScript; only flow_input.… and results.… are translated.")
    first, _, rest = found[2][1:].partition(".")
    path = f"input.{first}" if found[1] == "flow_input" else f"nodes.{first}.output"
    return "{{ %s }}" % (f"{path}.{rest}" if rest else path)


def node_of(step, mapping):
    """The node of a step, and sentences about what is left out of it."""
    kind, path = step["value"]["type"], step["value"].get("path", "")
    if kind not in ("script", "flow"):
        return placeholder(step["id"]), [f"Steps of the type {kind} have no counterpart."]
    try:
        arguments = given(step)
    except LookupError as error:
        return placeholder(step["id"]), list(error.args)
    if kind == "script":
        return {"id": step["id"], "type": "tool", "config": {"ref": mapping.get(path, path), "arguments": arguments}}, []
    return {"id": step["id"], "type": "sub_workflow", "config": {"workflow_id": mapping.get(path, path)}, "input": arguments}, []


def read(document, mapping):
    try:
        steps = document["value"]["modules"]
        if bad := next((step["id"] for step in steps if not _IDS.fullmatch(step["id"])), None):
            raise CannotImport(f"The step {bad} needs an id of small letters, digits and _.", "value.modules")
        made = {step["id"]: node_of(step, mapping) for step in steps}
        named = [Named(step["value"]["path"], step["value"]["type"], [step["id"]]) for step in steps if step["value"].get("path")]
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotImport(f"This is no OpenFlow: {error} is missing, or of another type.") from error
    edges = [{"from": before, "to": after} for before, after in zip(list(made), list(made)[1:], strict=False)]
    definition = {"language": 1, "nodes": [node for node, _ in made.values()], "edges": edges}
    parts = [Mapped(key, key, reasons, is_left_out=bool(reasons)) for key, (_, reasons) in made.items()]
    return Imported(document.get("summary") or "Flow", definition, parts, named)


@hookimpl
def workflow_importers(app):
    return [WorkflowImporter("openflow", "A flow of Windmill, as JSON.", read)]
