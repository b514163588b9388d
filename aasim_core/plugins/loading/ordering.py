"""The order in which plugins load: after those that they require or use, otherwise by name."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

Graph = Mapping[str, Iterable[str]]


def order(graph: Graph) -> list[str]:
    """Return the names in `graph` (name -> names that come before it) in order; raises `graphlib.CycleError`.

    Ties are resolved alphabetically, so that one set of plugins always loads in one order.
    """
    sorter = _sorter(graph)
    sorter.prepare()
    ready: list[str] = []
    names = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, name)
        names.append(heapq.heappop(ready))
        sorter.done(names[-1])
    return names


def cycles(graph: Graph) -> Iterator[list[str]]:
    """Return cycles of names, each as a path that ends where it begins; together they contain at least one name of every cycle."""
    rest = {name: tuple(before) for name, before in graph.items()}
    while True:
        try:
            _sorter(rest).prepare()
        except CycleError as error:
            circle: list[str] = _from_least(error.args[1][::-1])
            yield circle
            rest = {name: before for name, before in rest.items() if name not in circle}
        else:
            return


def _sorter(graph: Graph) -> TopologicalSorter[str]:
    return TopologicalSorter({name: sorted(other for other in graph[name] if other in graph) for name in sorted(graph)})


def _from_least(circle: list[str]) -> list[str]:
    """Return the same cycle, starting at its alphabetically first name, so that it is always reported in one form."""
    start = circle.index(min(circle))
    return [*circle[start:-1], *circle[:start], circle[start]]
