"""The graph of a workflow: nodes, edges, and the bodies of loops, which are graphs themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal


@dataclass(frozen=True, slots=True)
class Edge:
    """The way from one node to another, taken where the source ends with the outcome `on`, and the `condition` holds."""

    source: str
    target: str
    on: str = "done"
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """A node starts when all of its edges are resolved, or at the first taken one (`any`), or at `count` taken ones (`n`).

    With `cancels_rest`, what leads to nothing but this node is cancelled then.
    """

    mode: Literal["all", "any", "n"] = "all"
    count: int = 1
    cancels_rest: bool = False

    @property
    def needed(self) -> int | None:
        """How many taken edges are enough; None for all that there are."""
        return {"all": None, "any": 1, "n": self.count}[self.mode]


@dataclass(frozen=True, slots=True)
class Loop:
    """A node that runs its `body` again and again: for each item, at most `concurrency` at a time, or `while` something holds.

    An item that fails ends the node, unless it `skips_errors`.
    """

    kind: Literal["foreach", "while"]
    body: Graph
    concurrency: int = 1
    skips_errors: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One node. One that only `waits` has nothing to lose when it is cancelled; one that `ends` ends the run."""

    id: str
    join: Join = field(default_factory=Join)
    loop: Loop | None = None
    waits: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Graph:
    """Nodes by their ids, which are unique in the whole workflow, and the edges between them."""

    nodes: Mapping[str, Node]
    edges: Sequence[Edge] = ()

    @cached_property
    def incoming(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of the edges to each node."""
        return self._edges_of("target")

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[int, ...]]:
        """The numbers of the edges from each node."""
        return self._edges_of("source")

    def _edges_of(self, end: str) -> Mapping[str, tuple[int, ...]]:
        return {id_: tuple(n for n, edge in enumerate(self.edges) if getattr(edge, end) == id_) for id_ in self.nodes}

    def only_for(self, join_id: str) -> frozenset[str]:
        """The nodes all of whose ways lead to that one."""
        found: set[str] = set()
        while more := {id_ for id_ in self.nodes if id_ not in found and self._leads_into(id_, {*found, join_id})}:
            found |= more
        return frozenset(found)

    def _leads_into(self, node_id: str, targets: set[str]) -> bool:
        ways = self.outgoing[node_id]
        return bool(ways) and all(self.edges[n].target in targets for n in ways)
