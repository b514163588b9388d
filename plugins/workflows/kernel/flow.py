"""A run of a graph: the instances of its nodes, their events, and the resulting commands.

An instance has a path: ``fetch``, ``load[17].parse`` in the 18th item of a loop, ``poll#2.check`` in the second iteration of another. The
instances of one run of a graph form a scope, which has a path, too: the empty one, ``load[17]``, ``poll#2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .graph import Graph, Loop, Node

#: The path of the run itself, and of its outermost scope.
RUN = ""
#: Outcomes that every node can have besides those of its type.
DONE, ERROR, SKIPPED, CANCELLED = "done", "error", "skipped", "cancelled"


@dataclass(frozen=True, slots=True)
class Instance:
    """A node in one scope. `taken` are the numbers of the edges of its graph that it took when it ended; `attempt` counts from 1.

    `number` is its place among all instances of the run, `ended` its place among those that have ended, both from 1.
    Of a loop, and of the run itself: how many scopes it has `begun`, how many are `over`, and the path that failed it, its `cause`.
    A loop over items knows their `count` as soon as they are known.
    """

    path: str
    scope: str
    node: str
    number: int
    state: Literal["ready", "active", "ended"] = "ready"
    outcome: str | None = None
    taken: tuple[int, ...] = ()
    attempt: int = 1
    ended: int | None = None
    count: int | None = None
    begun: int = 0
    over: int = 0
    cause: str | None = None

    @property
    def is_failure(self) -> bool:
        """Whether it ended with an error that no edge took."""
        return self.outcome == ERROR and not self.taken


@dataclass(frozen=True, slots=True)
class Flow:
    """A run of the graph: the instances whose scope is not over, by path. `made` and `finished` count all that there were."""

    graph: Graph
    instances: Mapping[str, Instance] = field(default_factory=dict)
    made: int = 0
    finished: int = 0

    def of_scope(self, scope: str) -> dict[str, Instance]:
        """The instances of a scope, by the ids of their nodes."""
        return {each.node: each for each in self.instances.values() if each.scope == scope}

    def scopes_in(self, loop: str) -> set[str]:
        """The scopes of a loop that are not over."""
        return {each.scope for each in self.instances.values() if each.scope != RUN and loop_of(each.scope) == loop}

    def graph_of(self, scope: str) -> Graph:
        """The graph that runs in a scope."""
        if scope == RUN:
            return self.graph
        return self.loop(self.instances[loop_of(scope)]).body

    def loop(self, instance: Instance) -> Loop:
        """What the node of the instance repeats; LookupError for another node."""
        found = self.graph_of(instance.scope).nodes[instance.node].loop
        if found is None:
            raise LookupError(f"{instance.path} is no loop")
        return found


def starts(graph: Graph, there: Mapping[str, Instance], node: Node) -> bool | None:
    """Whether the node starts or is skipped, by the instances of its scope that are `there`; None where that is not known yet."""
    edges = graph.incoming[node.id]
    sources = [there.get(graph.edges[n].source) for n in edges]
    taken = sum(source is not None and n in source.taken for n, source in zip(edges, sources, strict=True))
    open_ = sum(source is None or source.state != "ended" for source in sources)
    needed = node.join.needed
    if not edges or (taken and (open_ == 0 or (needed is not None and (taken >= needed or taken + open_ < needed)))):
        return True
    return False if open_ == 0 else None


def loop_of(scope: str) -> str:
    """The path of the loop that a scope belongs to."""
    above, dot, last = scope.rpartition(".")
    return f"{above}{dot}{last.partition('[')[0].partition('#')[0]}"


def item_scope(loop: str, item: int) -> str:
    """The scope of an item of a loop, from 0."""
    return f"{loop}[{item}]"


def round_scope(loop: str, number: int) -> str:
    """The scope of a round of a loop, from 1; the first has no number."""
    return loop if number == 1 else f"{loop}#{number}"


def path_in(scope: str, node: str) -> str:
    """The path of a node in a scope."""
    return f"{scope}.{node}" if scope else node


def is_within(instance: Instance, loop: str) -> bool:
    """Whether the instance runs in a loop, or in one within that."""
    scope = instance.scope
    return scope == loop != RUN or scope.startswith((f"{loop}.", f"{loop}[", f"{loop}#"))


# What happens.


@dataclass(frozen=True, slots=True)
class Begin:
    """The run begins."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Another worker continues the run: pending commands are still pending."""


@dataclass(frozen=True, slots=True)
class Started:
    """What was to be performed is under way."""

    path: str


@dataclass(frozen=True, slots=True)
class Retried:
    """An attempt failed, and the next is under way, or waits for its time."""

    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A node ended with that outcome, and took those edges of its graph."""

    path: str
    outcome: str
    taken: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Expanded:
    """The number of a loop's items is known."""

    path: str
    count: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a loop's check for another iteration."""

    path: str
    again: bool


@dataclass(frozen=True, slots=True)
class Collected:
    """The output of a scope was stored, unless that failed."""

    scope: str
    is_ok: bool = True


Event = Begin | Resumed | Started | Retried | Ended | Expanded | Checked | Collected


# What is to be done.


@dataclass(frozen=True, slots=True)
class Perform:
    """Execute the node, and report how it ended; for a loop, find its items, or check its condition."""

    path: str


@dataclass(frozen=True, slots=True)
class Collect:
    """A scope is over: store its output. If `cause` is the path of an error in it, store that instead."""

    scope: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """An iteration of a loop is over: check whether another follows."""

    path: str


@dataclass(frozen=True, slots=True)
class Gather:
    """A loop is over: end it with the outputs of its scopes; where `cause` is the path of an error in one, with that."""

    path: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The node is no longer needed: stop its work."""

    path: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over; `cause` is the path of the error that no edge took, or of the node that ended it."""

    cause: str | None = None


Command = Perform | Collect | Check | Gather | Cancel | Finish
