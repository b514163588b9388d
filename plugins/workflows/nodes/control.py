"""Nodes that branch, compute, or end the run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..hookspecs import NodeFailed, NodeType, Result
from ..shell.data import Data

_EXPRESSION = {"type": "string", "minLength": 1, "maxLength": 1024}
_NAME = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9_]{0,39}$",
    "description": "a small letter, and then at most 39 small letters, digits and _",
}
_OTHERWISE = "otherwise"
_RESERVED = frozenset({_OTHERWISE, "error", "skipped", "cancelled"})


def _condition(config: Mapping[str, Any], data: Data) -> Result:
    value = data.is_true(config["when"])
    return Result(value, str(value).lower())


def _switch(config: Mapping[str, Any], data: Data) -> Result:
    name = next((case["name"] for case in config["cases"] if data.is_true(case["when"])), _OTHERWISE)
    return Result(name, name)


def _cases(config: Mapping[str, Any]) -> Sequence[str]:
    return (*(case["name"] for case in config.get("cases") or () if "name" in case), _OTHERWISE)


def _flaws_of_cases(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for number, case in enumerate(config["cases"]):
        place, name = f"cases[{number}].name", case["name"]
        if name in _RESERVED:
            yield place, f"{name} is an outcome of its own; give the case another name."
        elif name in seen:
            yield place, f"Another case is called {name}; give each its own name."
        seen.add(name)


def _join(config: Mapping[str, Any], data: Data) -> Result:
    arrived = data.arrived()
    needed = config.get("count", 1) if config.get("mode") == "n" else 0
    if len(arrived) < needed:
        raise NodeFailed("join_unreachable", f"{needed} branches were to arrive, and only {len(arrived)} can.")
    return Result(data.outputs(arrived))


def _flaws_of_join(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if config.get("mode") == "n" and "count" not in config:
        yield "count", "Write how many branches are to arrive, which mode n needs."
    if config.get("mode") != "n" and "count" in config:
        yield "count", "Write the mode n with a count, or leave the count out."


def _flaws_of_end(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    unused, status = ("output", "succeeded") if config.get("status") == "failed" else ("error", "failed")
    if unused in config:
        yield unused, f"Only a run that {status} has an {unused}; write the status {status}, or leave this out."


def _end(config: Mapping[str, Any], data: Data) -> Result:
    told = {"output": data.fill(config.get("output")), "error": data.fill(config.get("error") or "The workflow ended so.")}
    return Result({"status": config.get("status", "succeeded"), **told})


def _object(required: Sequence[str] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


CONDITION = NodeType(
    "condition",
    "Go one way or the other.",
    _object(["when"], when=_EXPRESSION),
    compute=_condition,
    expressions=("when",),
    outcomes=lambda config: ("true", "false"),
)
SWITCH = NodeType(
    "switch",
    "Go the way of the first case that holds.",
    _object(
        ["cases"],
        cases={"type": "array", "minItems": 1, "maxItems": 20, "items": _object(["name", "when"], name=_NAME, when=_EXPRESSION)},
    ),
    compute=_switch,
    expressions=("cases[].when",),
    constants=("cases",),
    flaws=_flaws_of_cases,
    outcomes=_cases,
)
PARALLEL = NodeType("parallel", "Begin several branches, for the reader.", _object(), compute=lambda config, data: Result())
JOIN = NodeType(
    "join",
    "Continue when all, any or some branches have arrived.",
    _object(
        mode={"enum": ["all", "any", "n"]},
        count={"type": "integer", "minimum": 1, "maximum": 200},
        rest={"enum": ["cancel", "let_run"]},
    ),
    compute=_join,
    constants=("mode", "count", "rest"),
    flaws=_flaws_of_join,
)
TRANSFORM = NodeType(
    "transform",
    "Make a value of other values.",
    _object(["value"], value={}),
    compute=lambda config, data: Result(data.fill(config["value"], loops=True)),
    through_lists=("value",),
)
END = NodeType(
    "end",
    "End the run here.",
    _object(status={"enum": ["succeeded", "failed"]}, output={}, error={"type": "string", "maxLength": 1000}),
    compute=_end,
    constants=("status",),
    flaws=_flaws_of_end,
    outcomes=lambda config: (),
)
_BODY = {"type": "object"}
FOREACH = NodeType(
    "foreach",
    "Run a body for each item of a list.",
    _object(
        ["items", "body"],
        items=_EXPRESSION,
        body=_BODY,
        concurrency={"type": "integer", "minimum": 1, "maximum": 64},
        on_item_error={"enum": ["fail", "continue"]},
        collect={"enum": ["values", "none"]},
    ),
    is_loop=True,
    expressions=("items",),
    through_lists=("items",),
    constants=("body", "concurrency", "on_item_error", "collect"),
)
WHILE = NodeType(
    "while",
    "Run a body as long as something holds.",
    _object(
        ["when", "body", "max_iterations"],
        when=_EXPRESSION,
        body=_BODY,
        max_iterations={"type": "integer", "minimum": 1, "maximum": 1000},
    ),
    is_loop=True,
    expressions=("when",),
    constants=("body", "max_iterations"),
)
TYPES = (CONDITION, SWITCH, PARALLEL, JOIN, TRANSFORM, END, FOREACH, WHILE)
