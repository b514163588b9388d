"""Validate the shape of a definition: the fields of nodes, edges and bodies, and their number."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aasim_core.text.json import to_json
from aasim_core.user_code import json_schema, values

from ..definition import LANGUAGE
from .faults import Fault, below
from .tree import ID, MOST_BODIES, Node, Scope, items, place_of

MOST_NODES, MOST_EDGES = 200, 2000
#: How many values a definition may have: numbers, texts, lists, objects.
MOST_VALUES = 50_000
_LONGEST = 65_536
_YEAR = 366 * 86_400

_ID = {
    "type": "string",
    "pattern": f"^{ID.pattern}$",
    "description": "a small letter, and then at most 39 small letters, digits and _",
}
_TYPE = {"type": "string", "minLength": 1, "maxLength": 64}
_RETRY = {
    "type": "object",
    "properties": {
        "max_attempts": {"type": "integer", "minimum": 1, "maximum": 20},
        "base_seconds": {"type": "number", "minimum": 0, "maximum": 3600},
        "max_seconds": {"type": "number", "minimum": 0, "maximum": 86_400},
        "on": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 64}, "maxItems": 20},
    },
    "additionalProperties": False,
}
_COMPENSATE = {
    "type": "object",
    "properties": {"type": _TYPE, "config": {"type": "object"}, "input": {}},
    "required": ["type"],
    "additionalProperties": False,
}
_NODE = {
    "type": "object",
    "properties": {
        "id": _ID,
        "was": _ID,
        "name": {"type": "string", "maxLength": 120},
        "type": _TYPE,
        "config": {"type": "object"},
        "input": {},
        "retry": _RETRY,
        "timeout_seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": _YEAR},
        "on_error": {"enum": ["fail", "continue", "branch"]},
        "compensate": _COMPENSATE,
    },
    "required": ["id", "type"],
    "additionalProperties": False,
}
_EDGE = {
    "type": "object",
    "properties": {
        "from": {"type": "string"},
        "to": {"type": "string"},
        "on": _TYPE,
        "condition": {"type": "string", "minLength": 1, "maxLength": 1024},
    },
    "required": ["from", "to"],
    "additionalProperties": False,
}
_GRAPH = {"nodes": {"type": "array", "minItems": 1}, "edges": {"type": "array"}, "output": {}}
_BODY = {"type": "object", "properties": _GRAPH, "required": ["nodes"], "additionalProperties": False}
_CONCURRENCY = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
        "key": {"type": "string", "minLength": 1, "maxLength": 1024},
        "policy": {"enum": ["queue", "refuse", "latest_only", "cancel_oldest", "cancel_newest"]},
        "longest": {"type": "integer", "minimum": 0, "maximum": 10_000},
    },
    "required": ["limit"],
    "additionalProperties": False,
}
_DEFINITION = {
    "type": "object",
    "properties": {
        "language": {"const": LANGUAGE},
        **_GRAPH,
        "input_schema": {"type": ["object", "null"]},
        "variables": {"type": "object"},
        "concurrency": _CONCURRENCY,
    },
    "required": ["language", "nodes"],
    "additionalProperties": False,
}
# What is looked at by itself, or can be anything.
_APART = frozenset({"nodes", "edges", "output", "input_schema", "variables", "config", "input"})


def excess(definition: Mapping[str, Any]) -> Iterator[Fault]:
    """What there is too much of to look at the rest."""
    if _has_more_values(definition, MOST_VALUES):
        yield Fault("", "too_long", f"The definition has more than {MOST_VALUES} values; take some of it out, or split it.")


def excess_of_graph(root: Scope) -> Iterator[Fault]:
    """The same of nodes and edges."""
    scopes = list(root.within())
    nodes, edges = sum(len(scope.nodes) for scope in scopes), sum(len(scope.edges) for scope in scopes)
    advice = "bodies included; put some of it into a workflow of its own, and run that with sub_workflow."
    if nodes > MOST_NODES:
        yield Fault("nodes", "too_many_items", f"There are {nodes} nodes, and {MOST_NODES} is the most, {advice}")
    if edges > MOST_EDGES:
        yield Fault("edges", "too_many_items", f"There are {edges} edges, and {MOST_EDGES} is the most, {advice}")


def faults(root: Scope) -> Iterator[Fault]:
    """Return the fields that are missing, unknown or of another type, and values that are too large or too deep."""
    yield from _of_schema_and_variables(root.written)
    for scope in root.within():
        yield from _broken(_BODY if scope.loop else _DEFINITION, scope.written, scope.path)
        for number, each in enumerate(items(scope.written, "nodes")):
            yield from _broken(_NODE, each, place_of(scope, number, each))
        for number, each in enumerate(items(scope.written, "edges")):
            yield from _broken(_EDGE, each, below(scope.path, "edges", number))
        yield from _too_deep(scope.nodes)


def _broken(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Fault]:
    outline = {name: _outline(each) if name in _APART else each for name, each in value.items()} if _is_object(value) else value
    for violation in json_schema.told(schema, outline):
        yield Fault(below(path, *violation.parts), violation.code, violation.message)


def _outline(value: Any) -> Any:
    """The value without what is in it."""
    return {} if _is_object(value) else value[:1] and [None] if isinstance(value, list) else value


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _of_schema_and_variables(definition: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("input_schema", "variables"):
        if _is_object(definition.get(name)) and len(to_json(definition[name])) > _LONGEST:
            yield Fault(name, "too_long", f"Write at most {_LONGEST // 1024} KiB here.")
    schema, variables = definition.get("input_schema"), definition.get("variables")
    if _is_object(schema) and (problem := json_schema.flaw(schema)):
        yield Fault("input_schema", "invalid_schema", problem)
    for place in values.places(variables):
        message = f"Nothing is filled in here: {place.expression[:100]} stays text; write the expression where it is used."
        yield Fault(f"variables{place.path}", "unused", message, is_hint=True)


def _too_deep(nodes: Iterable[Node]) -> Iterator[Fault]:
    for node in nodes:
        if node.is_loop and node.body is None and node.scope.depth >= MOST_BODIES and _is_object(node.config.get("body")):
            message = f"Bodies are at most {MOST_BODIES} deep in each other; put this one into a workflow of its own."
            yield Fault(below(node.path, "body"), "nesting_too_deep", message)


def _has_more_values(value: Any, most: int) -> bool:
    count, todo = 0, [value]
    while todo and count <= most:
        inner = todo.pop()
        count += 1
        todo += inner.values() if _is_object(inner) else inner if isinstance(inner, list) else ()
    return count + len(todo) > most
