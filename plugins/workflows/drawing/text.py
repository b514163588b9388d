"""Draw a graph with characters, for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..validation.tree import Scope
from .layout import LONGEST_LABEL, LONGEST_NAME, Box, Drawing, Line, Measures, Point, columns, cut, drawing
from .outline import DECIDING, name_of

#: In characters and lines.
CHARACTERS = Measures(box_height=4, header=4, padding=2, gap=3, layer_gap=3, bend=1, letter=1, least_width=9, odd=True)
#: The most characters that lines are drawn with, so that no graph takes long.
MOST_STEPS = 100_000
#: Where the line in a cell leads, and its character for each sum of these.
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LINES = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"
_WAYS = {(0, -1): (_UP, _DOWN), (0, 1): (_DOWN, _UP), (-1, 0): (_LEFT, _RIGHT), (1, 0): (_RIGHT, _LEFT)}
#: Corners and sides of boxes: of what acts, of what decides, and of what has a body.
_ACTING, _DECIDING, _LOOPING = "┌─┐│└┘", "╭─╮│╰╯", "┌┄┐┆└┘"


class Canvas:
    """Cells of a grid; what is written later covers what was there."""

    def __init__(self) -> None:
        self._lines: dict[Point, int] = {}
        self._texts: dict[Point, str] = {}

    def trace(self, cells: Sequence[Point]) -> None:
        """Draw a line through neighbouring cells; where lines meet, they are joined."""
        for one, other in pairwise(cells):
            here, there = _WAYS[other[0] - one[0], other[1] - one[1]]
            self._lines[one] = self._lines.get(one, 0) | here
            self._lines[other] = self._lines.get(other, 0) | there

    def write(self, x: int, y: int, text: str) -> None:
        """Write a text; a wide letter takes two cells."""
        for letter in text:
            self._texts[x, y] = letter
            self._texts |= {(x + more, y): "" for more in range(1, columns(letter))}
            x += columns(letter)

    def is_free(self, x: int, y: int, width: int) -> bool:
        """Whether nothing is in these cells and in those next to them."""
        cells = [(cell, y) for cell in range(x - 1, x + width + 1)]
        return x >= 0 and not any(cell in self._lines or cell in self._texts for cell in cells)

    def __str__(self) -> str:
        cells = {place: _LINES[ways] for place, ways in self._lines.items()} | self._texts
        rows: dict[int, dict[int, str]] = {}
        for (x, y), text in cells.items():
            rows.setdefault(y, {})[x] = text
        return "".join(f"{_row(rows.get(y, {}))}\n" for y in range(max(rows, default=-1) + 1))


def _row(cells: dict[int, str]) -> str:
    return "".join(cells.get(x, " ") for x in range(max(cells, default=-1) + 1)).rstrip()


def text(scope: Scope) -> str | None:
    """Return the drawing, with a list of the labels that have no place next to their lines; None where it would be too large."""
    drawn = drawing(scope, CHARACTERS)
    if _steps(drawn) > MOST_STEPS:
        return None
    canvas, below = Canvas(), list[str]()
    _draw(canvas, drawn, 0, 0, below)
    return "\n".join([str(canvas), *below, ""]) if below else str(canvas)


def _steps(drawn: Drawing) -> int:
    """How many cells all lines take at most."""
    own = sum(abs(x2 - x1) + abs(y2 - y1) for line in drawn.lines for (x1, y1), (x2, y2) in pairwise(line.points))
    return own + sum(_steps(box.body) for box in drawn.boxes if box.body is not None)


def _draw(canvas: Canvas, drawn: Drawing, left: int, top: int, below: list[str]) -> None:
    ways = [(line, [(left + x, top + y) for x, y in _cells(line)]) for line in drawn.lines]
    for line, cells in ways:
        x, y = cells[0]
        canvas.trace([(x, y + (1 if _leads_up(line) else -1)), *cells])
    for box in drawn.boxes:
        _draw_box(canvas, box, left + box.x, top + box.y, below)
    for line, cells in ways:
        canvas.write(*cells[-1], "▲" if _leads_up(line) else "▼")
    times = Counter(cell for _, cells in ways for cell in cells)
    for line, cells in ways:
        _draw_label(canvas, line, [cell for cell in cells if times[cell] == 1], below)


def _draw_box(canvas: Canvas, box: Box, x: int, y: int, below: list[str]) -> None:
    corners = _DECIDING if box.node.type in DECIDING else _ACTING if box.body is None else _LOOPING
    inner, last = box.width - 2, box.height - 1
    canvas.write(x, y, corners[0] + corners[1] * inner + corners[2])
    for row, words in enumerate((name_of(box.node), box.node.type), 1):
        canvas.write(x, y + row, f"{corners[3]}{_centred(_plain(cut(words, LONGEST_NAME)), inner)}{corners[3]}")
    canvas.write(x, y + last, corners[4] + corners[1] * inner + corners[5])
    if box.body is not None:
        for row in range(3, last):
            canvas.write(x, y + row, corners[3])
            canvas.write(x + box.width - 1, y + row, corners[3])
        _draw(canvas, box.body, x + (box.width - box.body.width) // 2, y + CHARACTERS.header, below)


def _centred(words: str, width: int) -> str:
    room = width - columns(words)
    return " " * (room // 2) + words + " " * (room - room // 2)


def _draw_label(canvas: Canvas, line: Line, cells: Sequence[Point], below: list[str]) -> None:
    """Write what stands at a line next to one of the cells that only it goes through, as near to its end as there is a place."""
    if not line.label:
        return
    label = _plain(cut(line.label, LONGEST_LABEL))
    for x, y in cells[::-1]:
        for left in (x + 2, x - 1 - columns(label)):
            if canvas.is_free(left, y, columns(label)):
                canvas.write(left, y, label)
                return
    below.append(f"{_plain(name_of(line.source))} → {_plain(name_of(line.target))}: {label}")


def _cells(line: Line) -> list[Point]:
    """The cells of a line, from the one below the upper box to that above the lower one, or the other way round."""
    points = line.points[::-1] if _leads_up(line) else line.points
    cells = [points[0]]
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) // 2 if x1 != x2 else y2
        for corner in ((x1, middle), (x2, middle), (x2, y2)):
            cells += _straight(cells[-1], corner)
    return cells[-2::-1] if _leads_up(line) else cells[:-1]


def _leads_up(line: Line) -> bool:
    return line.points[-1][1] < line.points[0][1]


def _straight(start: Point, end: Point) -> Iterator[Point]:
    (x1, y1), (x2, y2) = start, end
    step_x, step_y = (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)
    for number in range(1, abs(x2 - x1) + abs(y2 - y1) + 1):
        yield x1 + number * step_x, y1 + number * step_y


def _plain(text: str) -> str:
    """The text without characters that a terminal obeys, such as escape sequences and changes of direction."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
