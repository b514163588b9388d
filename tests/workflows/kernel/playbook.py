"""Playbooks of the kernel of workflows: ``given(graph) << event >> [commands]``, each event with what follows from it."""

from aasim_plugins.workflows.kernel.decide import decide
from aasim_plugins.workflows.kernel.flow import Command, Ended, Event, Flow
from aasim_plugins.workflows.kernel.graph import Edge, Graph, Join, Loop, Node


class Playbook:
    """A flow, and what the last event made of it."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._commands: list[Command] = []

    def __lshift__(self, event: Event) -> "Playbook":
        self.flow, commands = decide(self.flow, event)
        self._commands = list(commands)
        return self

    def __rshift__(self, expected: list[Command]) -> "Playbook":
        assert expected == self._commands
        return self


def given(graph: Graph) -> Playbook:
    """Begin a playbook with a run that has not begun."""
    return Playbook(Flow(graph))


def graph(nodes: str, *edges: str, **special: Node) -> Graph:
    """A graph of nodes with these ids; an edge is ``a>b`` or ``a>b:outcome``; some nodes are more than an id."""
    return Graph({id_: special.get(id_, Node(id_)) for id_ in nodes.split()}, tuple(map(_edge, edges)))


def _edge(text: str) -> Edge:
    ends, _, outcome = text.partition(":")
    source, _, target = ends.partition(">")
    return Edge(source, target, outcome or "done")


def join(id_: str, mode: str, count: int = 1, *, cancels_rest: bool = False) -> Node:
    """A node that starts before all of its edges are resolved."""
    return Node(id_, join=Join(mode, count, cancels_rest))  # type: ignore[arg-type]


def foreach(id_: str, body: Graph, concurrency: int = 1, *, skips_errors: bool = False) -> Node:
    """A loop over items."""
    return Node(id_, loop=Loop("foreach", body, concurrency, skips_errors))


def while_(id_: str, body: Graph) -> Node:
    """A loop as long as something holds."""
    return Node(id_, loop=Loop("while", body))


def done(path: str, *taken: int) -> Ended:
    """A node is done, and takes these edges of its graph."""
    return Ended(path, "done", taken)


def error(path: str, *taken: int) -> Ended:
    """A node failed."""
    return Ended(path, "error", taken)
