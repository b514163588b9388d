"""Agents as tools: their names, schemas and results for clients of the protocol."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from aasim_core.errors import Invalid, Refused
from aasim_core.text.json import to_json

from ..executions import service as executions
from ..executions.models import Execution

#: The tool that gives the result of a run that took longer than its call. No slug has an underscore, so no agent is named so.
RESULT = "get_execution_result"
INSTRUCTIONS = (
    "Each tool is an agent of the organization. A call waits for the agent's answer; where that takes too long, it gives the id of "
    f"the run, for which {RESULT} gives the answer later."
)
# Where definitions stay when a schema becomes a part of another one, and how references to them begin.
_LIFTED, _DEFINITIONS = ("$defs", "definitions"), ("#/$defs/", "#/definitions/")
_TEXT = {"type": "string", "minLength": 1, "description": "What the agent is asked."}

#: What a call answers, as structured content, about a run that has not ended.
_PENDING = {
    "type": "object",
    "description": f"The run has not ended; {RESULT} gives its answer.",
    "properties": {"execution_id": {"type": "string"}, "status": {"type": "string"}},
    "required": ["execution_id", "status"],
    "additionalProperties": False,
}


class ToolFault(Exception):
    """A call that cannot be carried out; the text is for the model that made it, so that it can do better."""


def result_tool() -> dict[str, Any]:
    """The tool that gives the result of a run."""
    identity = {"type": "string", "description": "The id of the run, exec_…"}
    return {
        "name": RESULT,
        "title": "Result of a run",
        "description": "Returns the answer of an agent whose run had not ended when its tool was called; waits for it if necessary.",
        "inputSchema": _object({"execution_id": identity}),
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    }


def tool_of(agent: Mapping[str, Any]) -> dict[str, Any]:
    """The tool that an agent is: its `slug`, `name`, `description`, `input_schema`, `output_schema` and `tools`."""
    schema, output_schema = agent["input_schema"], agent["output_schema"]
    # An agent without tools only answers; nothing is known of the effects of others.
    effects = {"readOnlyHint": not agent["tools"], "openWorldHint": bool(agent["tools"])}
    return {
        "name": agent["slug"],
        "title": agent["name"],
        "description": agent["description"] or agent["name"],
        "inputSchema": schema if _takes_objects(schema) else _wrapped(schema),
        **({"outputSchema": _with_later(output_schema)} if _has_output(output_schema) else {}),
        "annotations": effects,
    }


def input_of(schema: Any, arguments: Mapping[str, Any]) -> Any:
    """What the agent with that `input_schema` is given; ToolFault for arguments that its tool does not have."""
    if _takes_objects(schema):
        return dict(arguments)
    if arguments.keys() != {"input"}:
        raise ToolFault("Write the argument input, and no other one.")
    if schema is None and not (isinstance(arguments["input"], str) and arguments["input"].strip()):
        raise ToolFault("The argument input must be text, and not empty.")
    return arguments["input"]


def result_of(execution: Execution) -> dict[str, Any]:
    """What a call answers about a run, whether or not it has ended."""
    if execution.status == "succeeded":
        output = execution.output
        text = output if isinstance(output, str) else to_json(output).decode()
        structured = {"structuredContent": output} if isinstance(output, dict) else {}
        return _result(text, execution, **structured)
    if executions.is_over(execution.status):
        return _result(_why(execution), execution, isError=True)
    pending = {"execution_id": execution.id, "status": execution.status}
    return _result(_later(execution), execution, structuredContent=pending)


def fault(error: ToolFault | Refused) -> dict[str, Any]:
    """What a call answers that could not be carried out."""
    text = _problems(error) if isinstance(error, Invalid) else error.message if isinstance(error, Refused) else str(error)
    return {"content": [{"type": "text", "text": text}], "isError": True}


def _has_output(schema: Any) -> bool:
    """Whether results can be described: they are objects, and the schema can move, as it refers to its definitions only."""
    return _takes_objects(schema) and all(reference.startswith(_DEFINITIONS) for reference in _references(schema))


def _references(schema: Any) -> Iterator[str]:
    """What a schema refers to; an `$id` or anchor in it counts, too, as references can lead to it."""
    if isinstance(schema, Mapping):
        yield from (str(schema[key]) for key in ("$ref", "$id", "$anchor") if key in schema)
    for part in schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list) else ():
        yield from _references(part)


def _with_later(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a result: the answer, or a run that has not ended yet."""
    lifted = {key: schema[key] for key in ("$schema", *_LIFTED) if key in schema}
    answer = {key: value for key, value in schema.items() if key not in lifted}
    return {"type": "object", "anyOf": [answer, _PENDING], **lifted}


def _takes_objects(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "object"


def _wrapped(schema: Any) -> dict[str, Any]:
    """Arguments are objects, so any other input is the one argument of its tool; definitions stay where references find them."""
    inner = {"description": _TEXT["description"], **schema} if isinstance(schema, Mapping) else _TEXT
    lifted = {key: inner[key] for key in _LIFTED if key in inner}
    return {**_object({"input": {key: value for key, value in inner.items() if key not in lifted}}), **lifted}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties), "additionalProperties": False}


def _result(text: str, execution: Execution, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "_meta": {"execution_id": execution.id}, **more}


def _why(execution: Execution) -> str:
    error = execution.error or {}
    reason = f": {error['message']} ({error['code']})" if "message" in error and "code" in error else ""
    return f"The run {execution.id} ended as {execution.status}{reason}"


def _later(execution: Execution) -> str:
    waits = f"waits for {execution.waiting_for}" if execution.waiting_for else "has not ended yet"
    call = json.dumps({"execution_id": execution.id})
    return f"The run {execution.id} {waits}. Call {RESULT} with {call} for its result."


def _problems(error: Invalid) -> str:
    return "\n".join(f"{path}: {problem.message}" for path, problems in error.problems.items() for problem in problems)
