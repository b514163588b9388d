"""What J5 to J6 do: the graph as the product is told it, and the jobs that do as much by hand."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """A graph, and the input of its runs. By hand it is one job, and then the `stages`: so many jobs, and so many of them at a time."""

    definition: Mapping[str, Any]
    stages: Sequence[tuple[int, int]]
    given: Any = "Hello"


def _call(id_: str, tool: str) -> dict[str, Any]:
    return {"id": id_, "type": "tool", "config": {"ref": f"lever:{tool}", "approval": "never", "arguments": {"text": "Hello"}}}


def _edges(*ways: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": source, "to": target} for source, target in ways]


def _chain(length: int, tool: str = "lift") -> dict[str, Any]:
    ids = [f"pull{number}" for number in range(length)]
    return {"nodes": [_call(id_, tool) for id_ in ids], "edges": _edges(*itertools.pairwise(ids))}


def _each(items: str, body: Mapping[str, Any], concurrency: int) -> dict[str, Any]:
    config = {"items": items, "body": body, "concurrency": concurrency, "collect": "none"}
    return {"language": 1, "nodes": [{"id": "each", "type": "foreach", "config": config}]}


def _fork(tool: str = "pull") -> dict[str, Any]:
    branches = [f"pull{number}" for number in range(4)]
    ways = [("start", branch) for branch in branches] + [(branch, "meet") for branch in branches]
    nodes = [
        {"id": "start", "type": "transform", "config": {"value": "{{ input }}"}},
        *(_call(branch, tool) for branch in branches),
        {"id": "meet", "type": "join", "config": {}},
        {"id": "good", "type": "condition", "config": {"when": "nodes.pull0.output.text == 'Hello'"}},
        {"id": "told", "type": "transform", "config": {"value": "{{ nodes.pull1.output.text }}"}},
        {"id": "done", "type": "end", "config": {"status": "succeeded", "output": "{{ nodes.told.output }}"}},
    ]
    edges = [*_edges(*ways, ("meet", "good"), ("told", "done")), {"from": "good", "to": "told", "on": "true"}]
    return {"language": 1, "nodes": nodes, "edges": edges}


#: A workflow has at most 200 nodes, so that four hundred after each other are a hundred, four times. J5 and J6 have a quick tool
#: that only reads; that of the others is neither, so each of its calls is a run of its own, but for a run that has no other work.
JOBS: Mapping[str, Job] = {
    "J5": Job(_fork(), [(4, 4), (1, 1)]),
    "J5r": Job(_fork("lift"), [(4, 4), (1, 1)]),
    "J5b": Job(_each("input", _chain(100), 1), [(400, 1)], list(range(4))),
    "J5c": Job({"language": 1, **_chain(3)}, [(3, 1)]),
    "J6": Job(_each("input", _chain(1, "pull"), 16), [(1_000, 16)], list(range(1_000))),
    "J6r": Job(_each("input", _chain(1), 16), [(1_000, 16)], list(range(1_000))),
}
