"""Definitions to attack with: each as large as a request may be, and more work than it looks like."""

import itertools
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

_LARGEST = 524_288
_IDS = ["".join(letters) for letters in itertools.islice(itertools.permutations("abcdefgh"), 200)]


def _chain(ids: list[str], **more: Any) -> dict[str, Any]:
    nodes = [{"id": node_id, "type": "transform", "config": {"value": 1}} for node_id in ids]
    return {"language": 1, "nodes": nodes, "edges": [], **more}


def _edges(ends: Any) -> list[dict[str, str]]:
    return [{"from": source, "to": target} for source, target in itertools.islice(ends, 2_000)]


def _valued(value: Any, count: int = 1) -> dict[str, Any]:
    nodes = [{"id": f"n{number}", "type": "transform", "config": {"value": value}} for number in range(count)]
    return {"language": 1, "nodes": nodes}


def _as_many(make: Any) -> Any:
    """What `make` makes of the largest number that leaves it small enough for a request."""
    low, high = 1, 2**20
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if len(json.dumps(make(middle), separators=(",", ":"))) < _LARGEST else (low, middle)
    return make(low)


def _bodies(levels: int) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [{"id": f"leaf{number}", "type": "transform", "config": {"value": 1}} for number in range(190)]
    for level in range(levels):
        nodes = [{"id": f"loop{level}", "type": "foreach", "config": {"items": "input", "body": {"nodes": nodes}}}]
    return {"language": 1, "nodes": nodes}


#: What makes definitions, by what is hostile in them; each is made by the tests that send it, since all together take seconds.
BOMBS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "as many nodes as there is room for": lambda: _as_many(lambda n: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "x"} for i in range(n)
    ]}),
    "as many edges as there is room for": lambda: _as_many(lambda n: {**_valued(1, 2), "edges": [{"from": "n0", "to": "n1"}] * n}),
    "as many numbers as there is room for": lambda: _as_many(lambda n: _valued([0] * n)),
    "as many empty lists as may be": lambda: _valued([[]] * 49_000),
    "edges from each to each": lambda: {**_chain(_IDS), "edges": _edges(itertools.combinations(_IDS, 2))},
    "edges from each to each, and back": lambda: {**_chain(_IDS), "edges": _edges(itertools.permutations(_IDS, 2))},
    "a hundred circles": lambda: {**_chain(_IDS), "edges": _edges(
        pair for n in range(0, 200, 2) for pair in (_IDS[n : n + 2], _IDS[n : n + 2][::-1])
    )},
    "edges to what is nearly there": lambda: {**_chain(_IDS), "edges": _edges((_IDS[n % 200], _IDS[n % 200][::-1]) for n in range(2_000))},
    "references to what is nearly there": lambda: _chain(_IDS, output=[f"{{{{ nodes.{node_id[::-1]}.output }}}}" for node_id in _IDS]),
    "variables that are nearly there": lambda: _valued([f"{{{{ vars.v{n}x }}}}" for n in range(200)], 9)
    | {"variables": {f"v{n}": 1 for n in range(6_000)}},
    "fields that nobody knows": lambda: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "join", "config": {f"cuont{j}": 1 for j in range(90)}} for i in range(200)
    ]},
    "as many expressions as there is room for": lambda: _as_many(lambda n: _valued([["{{ nodes.n0 }}"] * 190 for _ in range(n // 190)])),
    "expressions that differ": lambda: _as_many(lambda n: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "transform", "config": {"value": [f"{{{{ input.a{i}_{j} }}}}" for j in range(n // 200)]}}
        for i in range(200)
    ]}),
    "lists of names that are not there": lambda: _valued([f"{{{{ [{','.join(f'q{i}_{j}' for j in range(140))}] }}}}" for i in range(450)]),
    "sums in lists": lambda: _valued([f"{{{{ [{'1+1,' * 240}{i}] }}}}" for i in range(200)], 2),
    "braces that do not end": lambda: _valued("{{ a " * 100_000),
    "braces and texts that do not end": lambda: _valued(["{{ '" * 20_000] * 5),
    "one expression as long as there is room for": lambda: _valued("{{ " + "nodes." * 80_000 + "x }}"),
    "the longest field": lambda: _valued(1) | {"x" * 500_000: 1},
    "bodies that are too deep": lambda: _bodies(6),
    "bodies as deep as may be": lambda: _bodies(4),
    "a schema that doubles": lambda: _valued(1) | {"input_schema": {"$defs": {"b0": {}, **{
        f"b{n}": {"allOf": [{"$ref": f"#/$defs/b{n - 1}"}] * 2} for n in range(1, 40)
    }}, "$ref": "#/$defs/b39"}},
    "a schema as large as there is room for": lambda: _as_many(lambda n: _valued(1) | {"input_schema": {"enum": list(range(n))}}),
    "tools that are not there": lambda: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "tool", "config": {"ref": f"spade:{i}", "arguments": {"a": [0] * 200}}} for i in range(200)
    ]},
    "agents that are not there": lambda: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "agent", "config": {"agent_id": f"agent_{i}"}} for i in range(200)
    ]},
    "cases and cases": lambda: {"language": 1, "nodes": [
        {"id": f"n{i}", "type": "switch", "config": {"cases": [
            {"name": f"c{j}", "when": f"input.a{i} == {j}"} for j in range(20)
        ]}} for i in range(200)
    ]},
}  # fmt: skip


@cache
def bomb(name: str) -> dict[str, Any]:
    """The definition of that name."""
    return BOMBS[name]()
