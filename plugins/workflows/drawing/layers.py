"""Assign the nodes of a graph to layers, so that edges lead down.

An edge that leads on over several layers passes through a bend in each between, which has its place in the order as nodes have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

Pair = tuple[int, int]
_SWEEPS = 4
#: Edges that would need more bends go straight.
_MOST_BENDS = 2_000


@dataclass(frozen=True)
class Layers:
    """Layers of nodes, by their numbers, and of bends, which have the numbers after those; `routes` has the stops of each edge."""

    rows: Sequence[Sequence[int]]
    routes: Sequence[Sequence[int]]

    def neighbours(self) -> dict[int, tuple[list[int], list[int]]]:
        """What is connected with each, in the layer above and in that below."""
        found: dict[int, tuple[list[int], list[int]]] = {item: ([], []) for row in self.rows for item in row}
        rank = {item: number for number, row in enumerate(self.rows) for item in row}
        for route in self.routes:
            for one, other in pairwise(route):
                above, below = (one, other) if rank[one] < rank[other] else (other, one)
                found[below][0].append(above)
                found[above][1].append(below)
        return found


def layers(count: int, edges: Sequence[Pair]) -> Layers:
    """Return the layers of this many nodes with these edges."""
    rank = _ranks(count, edges)
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for node in range(count):
        rows[rank[node]].append(node)
    found = Layers(rows, _routes(rows, rank, edges))
    return Layers(_ordered(found), found.routes)


def _ranks(count: int, edges: Sequence[Pair]) -> list[int]:
    """The longest way to each node, over the edges that do not lead back to where one came from."""
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        after[source].append(target)
    order, onward = _depth_first(after)
    rank = [0] * count
    for node in order:
        for target in onward[node]:
            rank[target] = max(rank[target], rank[node] + 1)
    return rank


def _depth_first(after: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The nodes in an order in which all edges lead forward but those that close a circle, and the edges without these."""
    finished: list[int] = []
    onward: list[list[int]] = [[] for _ in after]
    state = ["new"] * len(after)
    for start in range(len(after)):
        stack = [(start, iter(after[start]))] if state[start] == "new" else []
        while stack:
            node, rest = stack[-1]
            state[node] = "open"
            for target in rest:
                if state[target] != "open":
                    onward[node].append(target)
                if state[target] == "new":
                    stack.append((target, iter(after[target])))
                    break
            else:
                state[node] = "over"
                finished.append(node)
                stack.pop()
    return finished[::-1], onward


def _routes(rows: list[list[int]], rank: Sequence[int], edges: Sequence[Pair]) -> list[list[int]]:
    """The stops of each edge; the bends are put into the rows, those of short edges first."""
    routes: list[list[int]] = [[] for _ in edges]
    left, number = _MOST_BENDS, len(rank)
    for place in sorted(range(len(edges)), key=lambda place: abs(rank[edges[place][0]] - rank[edges[place][1]])):
        source, target = edges[place]
        step = 1 if rank[source] < rank[target] else -1
        between = range(rank[source] + step, rank[target], step)
        bends = list(range(number, number + len(between))) if len(between) <= left else []
        left, number = left - len(bends), number + len(bends)
        for bend, row in zip(bends, between, strict=False):
            rows[row].append(bend)
        routes[place] = [source, *bends, target]
    return routes


def _ordered(found: Layers) -> list[list[int]]:
    """The rows, with what is connected near each other: each is ordered by where its neighbours stand, downwards and upwards in turn."""
    rows, neighbours = [list(row) for row in found.rows], found.neighbours()
    place = {item: float(number) for row in rows for number, item in enumerate(row)}
    for sweep in range(_SWEEPS):
        is_down = sweep % 2 == 0
        for row in rows if is_down else rows[::-1]:
            wanted = {item: _middle([place[each] for each in neighbours[item][not is_down]], place[item]) for item in row}
            row.sort(key=wanted.__getitem__)
            place |= {item: float(number) for number, item in enumerate(row)}
    return rows


def _middle(places: Sequence[float], otherwise: float) -> float:
    return fmean(places) if places else otherwise
