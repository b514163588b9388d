"""Random runs, random edits, and what an oracle says of them: the kernel runs the new definition from scratch, with the results recorded.

A run is driven to a random moment by the kernel alone: each node has its outcome, and each condition its value, by a hash. What the oracle
performs has the outcome that was recorded for the node, if that does what it did; what nobody recorded stays ready.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from typing import Any

from aasim_plugins.workflows.definition import Definition, all_nodes, body_of
from aasim_plugins.workflows.kernel import flow as f
from aasim_plugins.workflows.kernel.decide import decide
from aasim_plugins.workflows.kernel.flow import SKIPPED, Flow, Instance
from aasim_plugins.workflows.kernel.graph import Graph

_LONGEST = 60


def chance(*what: object) -> int:
    """A number that is always the same for the same things."""
    return sha256(repr(what).encode()).digest()[0]


@dataclass
class Recorded:
    """What is known of a run: the outcomes by path, what is under way, the counts of loops, and the conditions that were looked at."""

    ended: dict[str, str] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    looked_at: set[tuple[str, str]] = field(default_factory=set)


class Driver:
    """Drives a flow by its commands; `outcome_of` an instance is None where it does not end yet."""

    def __init__(self, definition: Definition, seed: object) -> None:
        self.flow, self._nodes, self._seed = Flow(definition.graph), definition.nodes, seed
        self.recorded, self.ready = Recorded(), list[str]()
        self._todo: list[Any] = []

    def feed(self, event: f.Event) -> None:
        """Let something happen, and do at once what only computes."""
        self.flow, follow = decide(self.flow, event)
        self._todo += follow
        while self._todo:
            self._do(self._todo.pop(0))

    def _do(self, command: Any) -> None:
        if isinstance(command, f.Perform):
            self.ready.append(command.path)
        elif isinstance(command, f.Collect):
            self.feed(f.Collected(command.scope))
        elif isinstance(command, f.Check):
            self.check(command.path)
        elif isinstance(command, f.Gather):
            self.end(command.path, "done" if command.cause is None else "error")
        elif isinstance(command, f.Cancel):
            self.ready = [path for path in self.ready if path != command.path]

    def begin(self, path: str) -> None:
        """Begin what is ready: a loop with its first items, or anything else."""
        self.ready.remove(path)
        kind = self._node(path)["type"]
        if kind == "foreach":
            self.recorded.counts[path] = count = self.count(path)
            self.recorded.active.add(path)
            self.feed(f.Expanded(path, count))
        elif kind == "while":
            self.recorded.active.add(path)
            self.check(path)
        else:
            self.recorded.active.add(path)
            self.feed(f.Started(path))

    def count(self, path: str) -> int:
        """How many items a loop has."""
        return chance(self._seed, path) % 4

    def check(self, path: str) -> None:
        """Look whether a loop goes on."""
        rounds = self.flow.instances[path].begun
        again = rounds < chance(self._seed, path, "rounds") % 3
        self.recorded.rounds[path] = rounds + again
        self.feed(f.Checked(path, again))

    def end(self, path: str, outcome: str) -> None:
        """End a node, with the edges that follow from its outcome and the conditions."""
        instance = self.flow.instances[path]
        graph = self.flow.graph_of(instance.scope)
        taken = tuple(n for n in graph.outgoing[instance.node] if self._is_taken(path, graph, n, outcome))
        self.recorded.ended[path] = outcome
        self.recorded.active.discard(path)
        self.feed(f.Ended(path, outcome, taken))

    def _is_taken(self, path: str, graph: Graph, number: int, outcome: str) -> bool:
        edge = graph.edges[number]
        if edge.on != outcome:
            return False
        return edge.condition is None or self.holds(path, edge.condition)

    def holds(self, path: str, condition: str) -> bool:
        """The value of a condition."""
        self.recorded.looked_at.add((path, condition))
        return chance(self._seed, path, condition) % 2 == 0

    def outcome(self, path: str) -> str:
        """How a node ends: an error only where an edge takes it."""
        instance, node = self.flow.instances[path], self._node(path)
        graph = self.flow.graph_of(instance.scope)
        outcomes = {"condition": ["true", "false"], "switch": ["small", "otherwise"]}.get(node["type"], ["done"])
        catching = any(graph.edges[n].on == "error" and graph.edges[n].condition is None for n in graph.outgoing[instance.node])
        outcomes += ["error"] if catching else []
        return outcomes[chance(self._seed, path, "ends") % len(outcomes)]

    def _node(self, path: str) -> Mapping[str, Any]:
        return self._nodes[self.flow.instances[path].node]


def driven(definition: Definition, seed: int) -> Driver:
    """A run at a random moment."""
    dice, driver = Random(seed), Driver(definition, seed)  # noqa: S311 - no secret
    driver.feed(f.Begin())
    for _ in range(dice.randrange(_LONGEST)):
        under_way = [path for path in driver.recorded.active if not _is_loop(driver, path)]
        choices = [*driver.ready, *under_way]
        if not choices:
            break
        path = dice.choice(sorted(choices))
        if path in driver.ready:
            driver.begin(path)
        else:
            driver.end(path, driver.outcome(path))
    for path in list(driver.ready):
        if dice.random() < 0.8:
            driver.begin(path)
    return driver


def _is_loop(driver: Driver, path: str) -> bool:
    instance = driver.flow.instances.get(path)
    return instance is None or body_of(driver._node(path)) is not None


class Oracle(Driver):
    """Runs a definition from scratch with what was recorded of a run of another."""

    def __init__(self, definition: Definition, recorded: Recorded, same: Any, seed: int) -> None:
        super().__init__(definition, seed)
        self._known, self._same, self.disagrees = recorded, same, False

    def run(self) -> None:
        """Go as far as what is recorded goes."""
        self.feed(f.Begin())
        while found := [path for path in self.ready if path in self._known.ended or path in self._known.active]:
            self._go_on(found[0])

    def _go_on(self, path: str) -> None:
        if not self._same(self.flow.instances[path].node):
            self.disagrees = True
        self.begin(path)
        instance = self.flow.instances.get(path)
        if instance is not None and instance.state != "ended" and path in self._known.ended and not _is_loop(self, path):
            self.end(path, self._known.ended[path])

    def count(self, path: str) -> int:
        """As it was."""
        return self._known.counts.get(path, 0)

    def check(self, path: str) -> None:
        """As it was, as far as that went."""
        begun, known = self.flow.instances[path].begun, self._known
        if begun < known.rounds.get(path, 0):
            self.recorded.rounds[path] = begun + 1
            self.feed(f.Checked(path, True))
        elif path in known.ended:
            self.recorded.rounds[path] = begun
            self.feed(f.Checked(path, False))

    def holds(self, path: str, condition: str) -> bool:
        """As it was; nobody knows of one that was not looked at."""
        if (path, condition) not in self._known.looked_at:
            self.disagrees = True
        return super().holds(path, condition)


def agrees(definition: Definition, run: Driver, seed: int, same: Any) -> bool:
    """Whether the run from scratch, with what is recorded, comes to where the run is."""
    oracle = Oracle(definition, run.recorded, same, seed)
    oracle.run()
    if oracle.disagrees or (oracle.recorded.ended, oracle.recorded.active) != (run.recorded.ended, run.recorded.active):
        return False
    has_failed = any(each.is_failure for each in oracle.flow.instances.values())
    return not has_failed and _state(oracle.flow) == _state(run.flow)


def _state(flow: Flow) -> dict[str, tuple[Any, ...]]:
    """What counts of a flow, in whatever order it came about."""
    counted = (each for each in flow.instances.values() if each.state != "ready" and each.outcome != SKIPPED)
    return {each.path: _facts(each) for each in counted}


def _facts(each: Instance) -> tuple[Any, ...]:
    return each.state, each.outcome, each.count, each.begun, each.over


# Edits.


def edited(definition: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    """The definition with one to three changes."""
    changed = copy.deepcopy(dict(definition))
    for _ in range(dice.randint(1, 3)):
        graph = dice.choice(list(_graphs(changed)))
        dice.choice([_add, _add, _drop, _change, _link, _unlink, _condition])(graph, dice)
    return changed


def _graphs(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield definition
    yield from (node["config"]["body"] for node in all_nodes(definition) if body_of(node) is not None)


def _add(graph: dict[str, Any], dice: Random) -> None:
    """A new node after one, and perhaps before a later one."""
    place = dice.randrange(len(graph["nodes"]) + 1)
    new = {"id": f"new{dice.randrange(10**6)}", "type": "parallel", "config": {}}
    if place:
        graph["edges"].append({"from": dice.choice(graph["nodes"][:place])["id"], "to": new["id"]})
    if place < len(graph["nodes"]) and dice.random() < 0.5:
        graph["edges"].append({"from": new["id"], "to": dice.choice(graph["nodes"][place:])["id"]})
    graph["nodes"].insert(place, new)


def _drop(graph: dict[str, Any], dice: Random) -> None:
    if len(graph["nodes"]) > 1:
        node = graph["nodes"].pop(dice.randrange(len(graph["nodes"])))
        graph["edges"] = [edge for edge in graph["edges"] if node["id"] not in (edge["from"], edge["to"])]


def _change(graph: dict[str, Any], dice: Random) -> None:
    dice.choice(graph["nodes"])["input"] = dice.random()


def _link(graph: dict[str, Any], dice: Random) -> None:
    if len(graph["nodes"]) > 1:
        first, last = sorted(dice.sample(range(len(graph["nodes"])), 2))
        on = dice.choice(["done", "done", "true", "error"])
        edge = {"from": graph["nodes"][first]["id"], "to": graph["nodes"][last]["id"], "on": on}
        graph["edges"].append(edge)


def _unlink(graph: dict[str, Any], dice: Random) -> None:
    if graph["edges"]:
        del graph["edges"][dice.randrange(len(graph["edges"]))]


def _condition(graph: dict[str, Any], dice: Random) -> None:
    if graph["edges"]:
        dice.choice(graph["edges"])["condition"] = dice.choice(["input.k % 2 == 0", "input.k % 2 == 1", "input.k == 7"])
