"""Lay out a drawing: boxes in layers, lines between them, and the body of a loop in the loop's box."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple
from unicodedata import east_asian_width

from ..validation.tree import Node, Scope
from .layers import Layers, layers
from .outline import arrows, name_of

#: How many columns of text are shown of a name, and of what stands at a line.
LONGEST_NAME, LONGEST_LABEL = 32, 24
_PASSES = 4

Point = tuple[int, int]


@dataclass(frozen=True)
class Measures:
    """The sizes of what is drawn, in the units of a form: the heights of a box and of the header of one with a body, the padding, the gaps
    between boxes and between layers, and the widths of a bend, of a letter, and of the narrowest box. Where widths are `odd`, what stands
    below each other has the same middle.
    """

    box_height: int
    header: int
    padding: int
    gap: int
    layer_gap: int
    bend: int
    letter: int
    least_width: int
    odd: bool = False


@dataclass(frozen=True)
class Box:
    """A node at its place; `body` is what is drawn in it, below its header."""

    node: Node
    x: int
    y: int
    width: int
    height: int
    body: "Drawing | None" = None


@dataclass(frozen=True)
class Line:
    """A way from a box to another through these points, and what stands at it."""

    source: Node
    target: Node
    points: Sequence[Point]
    label: str
    is_error: bool


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines, on so much room."""

    width: int
    height: int
    boxes: Sequence[Box]
    lines: Sequence[Line]


class _Room(NamedTuple):
    """The room of a node or a bend: from `top` to `bottom`, in a row with that `end`."""

    left: int
    top: int
    width: int
    bottom: int
    end: int

    @property
    def middle(self) -> int:
        return self.left + self.width // 2


def drawing(scope: Scope, by: Measures) -> Drawing:
    """The graph, with the bodies in it."""
    bodies = {node: drawing(node.body, by) for node in scope.nodes if node.body is not None}
    sizes = [_size(node, bodies.get(node), by) for node in scope.nodes]
    shown, number = list(arrows(scope)), {node: place for place, node in enumerate(scope.nodes)}
    found = layers(len(sizes), [(number[arrow.source], number[arrow.target]) for arrow in shown])
    rooms = _rooms(found, sizes, by)
    boxes = [Box(node, rooms[n].left, rooms[n].top, *sizes[n], bodies.get(node)) for n, node in enumerate(scope.nodes)]
    ways = zip(found.routes, shown, strict=True)
    lines = [
        Line(arrow.source, arrow.target, _points([rooms[item] for item in route]), arrow.label, arrow.is_error)
        for route, arrow in ways
    ]
    right = max((room.left + room.width for room in rooms.values()), default=0)
    return Drawing(right, max((box.y + box.height for box in boxes), default=0), boxes, lines)


def columns(text: str) -> int:
    """How wide a text is, in letters."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def cut(text: str, longest: int) -> str:
    """The beginning of a text, in one line."""
    text = " ".join(text.split())
    if columns(text) <= longest:
        return text
    while columns(text) >= longest:
        text = text[:-1]
    return f"{text}…"


def _size(node: Node, body: Drawing | None, by: Measures) -> tuple[int, int]:
    text = max(columns(cut(name_of(node), LONGEST_NAME)), columns(node.type[:LONGEST_NAME]))
    width = text * by.letter + 2 * by.padding
    if body is None:
        return max(width, by.least_width) | by.odd, by.box_height
    return max(width, body.width + 2 * by.padding) | by.odd, by.header + body.height + by.padding


def _rooms(found: Layers, sizes: Sequence[tuple[int, int]], by: Measures) -> dict[int, _Room]:
    """The room of each node, and of each bend, which goes through the whole of its row."""
    bends = {item for row in found.rows for item in row if item >= len(sizes)}
    widths = {**{n: width for n, (width, _) in enumerate(sizes)}, **dict.fromkeys(bends, by.bend)}
    lefts, rooms, top = _lefts(found, widths, by.gap), dict[int, _Room](), 0
    for row in found.rows:
        end = top + max((sizes[item][1] for item in row if item not in bends), default=0)
        rooms |= {
            item: _Room(lefts[item], top, widths[item], end if item in bends else top + sizes[item][1], end) for item in row
        }
        top = end + by.layer_gap
    return rooms


def _lefts(found: Layers, widths: Mapping[int, int], gap: int) -> dict[int, int]:
    """How far each is from the left: in the order of its row, as near as that lets it to the middle of what it is connected with."""
    neighbours, middles = found.neighbours(), dict[int, float]()
    for row in found.rows:
        middles |= _placed(row, dict.fromkeys(row, 0.0), widths, gap)
    for turn in range(_PASSES):
        is_down = turn % 2 == 0
        for row in found.rows if is_down else found.rows[::-1]:
            beside = {item: [middles[each] for each in neighbours[item][not is_down]] for item in row}
            middles |= _placed(row, {item: fmean(beside[item]) if beside[item] else middles[item] for item in row}, widths, gap)
    least = min((middles[item] - widths[item] / 2 for item in middles), default=0)
    return {item: round(middle - widths[item] / 2 - least) for item, middle in middles.items()}


def _placed(row: Sequence[int], wanted: Mapping[int, float], widths: Mapping[int, int], gap: int) -> dict[int, float]:
    """The middles of a row whose items do not overlap, with the least shift as a whole from those that are wanted."""
    placed: dict[int, float] = {}
    free = float("-inf")
    for item in row:
        placed[item] = max(wanted[item], free + widths[item] / 2)
        free = placed[item] + widths[item] / 2 + gap
    shift = fmean(wanted[item] - placed[item] for item in row) if row else 0.0
    return {item: middle + shift for item, middle in placed.items()}


def _points(route: Sequence[_Room]) -> list[Point]:
    """From the lower end of the first through the bends to the upper end of the last; the other way round where it leads back.

    A row is left at its end, so that no line goes through what is higher than where it comes from.
    """
    is_down = route[0].top < route[-1].top
    upper, *bends, lower = route if is_down else route[::-1]
    points = [(upper.middle, upper.bottom), (upper.middle, upper.end)]
    points += [point for bend in bends for point in ((bend.middle, bend.top), (bend.middle, bend.end))]
    points.append((lower.middle, lower.top))
    points = list(dict.fromkeys(points))
    return points if is_down else points[::-1]
