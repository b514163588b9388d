"""Definitions that are nearly right: good ones, in which something is taken out, doubled, moved, or written otherwise."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ..conftest import node, tool

_BODY = {"nodes": [node("parse", value="{{ item }}"), tool("store", "till", n="{{ nodes.parse.output }}")],
         "edges": [{"from": "parse", "to": "store", "condition": "index > 1"}], "output": "{{ nodes.store.output }}"}  # fmt: skip
GOOD: dict[str, Any] = {
    "language": 1,
    "input_schema": {"type": "object", "required": ["rows"]},
    "variables": {"limit": 100},
    "nodes": [
        tool("fetch", "shop", order="{{ input.order }}", _retry={"max_attempts": 3, "on": ["timeout"]}, _timeout_seconds=30),
        node("large", "condition", when="nodes.fetch.output.amount > vars.limit"),
        node("which", "switch", cases=[{"name": "a", "when": "true"}, {"name": "b", "when": "input.b"}]),
        node("load", "foreach", items="input.rows", concurrency=4, on_item_error="continue", body=_BODY),
        node("poll", "while", when="item == null", max_iterations=9, body={"nodes": [node("look", value="{{ index }}")]}),
        node("rest", "wait", signal={"name": "go"}, timeout_seconds=60),
        node("fork", "parallel"),
        node("meet", "join", mode="n", count=2, rest="cancel"),
        tool("pay", "till", n=1, _compensate={"type": "tool", "config": {"ref": "shed:back", "arguments": {"id": "{{ node.output }}"}}}),
        node("sorry", value={"code": "{{ nodes.fetch.error.code }}"}),
        node("stop", "end", status="failed", error="Not {{ run.id }}"),
    ],
    "edges": [
        {"from": "fetch", "to": "large"}, {"from": "fetch", "to": "sorry", "on": "error"}, {"from": "sorry", "to": "stop"},
        {"from": "large", "to": "which", "on": "true"}, {"from": "large", "to": "fork", "on": "false"},
        {"from": "which", "to": "load", "on": "a"}, {"from": "which", "to": "poll", "on": "otherwise"},
        {"from": "load", "to": "meet"}, {"from": "poll", "to": "meet"}, {"from": "fork", "to": "rest"},
        {"from": "rest", "to": "meet", "on": "timeout"}, {"from": "meet", "to": "pay", "condition": "input.rows != []"},
    ],
    "output": "{{ has(nodes.pay.output) ? nodes.pay.output : null }}",
}  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 1.5, 10**15, "", "fetch", "load", "parse", "done", "error", "a", "{{ item }}", "{{ nodes.pay.output }}", "{{",
    "{{ nodes.", "'", "é" * 30, [], {}, [None], {"nodes": []}, [{}], "end", "foreach", "while", "join", "tool", "agent", "sub_workflow",
    "wait", "transform", "switch", "continue", "branch", "9999-12-31T23:59:59-14:00", "n",
)  # fmt: skip


def mangled(dice: random.Random, good: Mapping[str, Any] = GOOD) -> dict[str, Any]:
    """A definition, or another document, with up to four changes."""
    definition = copy.deepcopy(dict(good))
    for _ in range(dice.choice([0, 1, 1, 1, 2, 4])):
        holder, key = dice.choice(list(_places(definition)))
        dice.choice([_write, _write, _remove, _double, _move])(dice, definition, holder, key)
    return definition


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    ):
        yield value, key
        yield from _places(inner)


def _write(dice: random.Random, definition: Any, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(dice.choice(_VALUES))


def _remove(dice: random.Random, definition: Any, holder: Any, key: Any) -> None:
    del holder[key]


def _double(dice: random.Random, definition: Any, holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.insert(dice.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
    else:
        holder[dice.choice(["x", "config", "body", "type", "on", "output", "compensate"])] = copy.deepcopy(holder[key])


def _move(dice: random.Random, definition: Any, holder: Any, key: Any) -> None:
    other, place = dice.choice(list(_places(definition)))
    other[place], holder[key] = copy.deepcopy(holder[key]), copy.deepcopy(other[place])
