"""Draw a graph as an SVG image without scripts, style sheets or external resources."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

from ..validation.tree import Scope
from .layout import LONGEST_LABEL, LONGEST_NAME, Box, Drawing, Line, Measures, columns, cut, drawing
from .outline import DECIDING, caption_of, name_of

#: In pixels.
PIXELS = Measures(box_height=44, header=34, padding=16, gap=28, layer_gap=56, bend=12, letter=7, least_width=110)
#: Around the whole, and how wide a letter of a label is, in pixels.
_MARGIN, _SMALL_LETTER = 24, 6
_INK, _FAINT, _PAPER, _GROUP, _ERROR = "#1f2937", "#6b7280", "#ffffff", "#f3f4f6", "#b91c1c"
#: What XML cannot hold.
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(scope: Scope, title: str) -> str:
    """Return the image; `title` is its accessible name."""
    drawn = drawing(scope, PIXELS)
    width, height = drawn.width + 2 * _MARGIN, drawn.height + 2 * _MARGIN
    root = ET.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height),
         "role": "img", "font-family": "sans-serif", "font-size": "13"},
    )  # fmt: skip
    _text_of(root, "title", title)
    for name, color in (("arrow", _FAINT), ("error", _ERROR)):
        _add_arrow(root, name, color)
    _add(root, "rect", width=width, height=height, fill=_PAPER)
    _draw(_add(root, "g", transform=f"translate({_MARGIN} {_MARGIN})"), drawn)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _draw(parent: ET.Element, drawn: Drawing) -> None:
    for line in drawn.lines:
        _draw_line(parent, line)
    for box in drawn.boxes:
        _draw_box(parent, box)
    for line in drawn.lines:
        _draw_label(parent, line)


def _draw_box(parent: ET.Element, box: Box) -> None:
    name = name_of(box.node)
    group = _add(parent, "g", transform=f"translate({box.x} {box.y})")
    _text_of(group, "title", caption_of(box.node))
    radius = PIXELS.box_height // 2 if box.node.type in DECIDING else 6
    fill, dashes = (_PAPER, {}) if box.body is None else (_GROUP, {"stroke-dasharray": "6 4"})
    _add(group, "rect", width=box.width, height=box.height, rx=radius, fill=fill, stroke=_INK, **dashes)
    middle, top = box.width // 2, 0 if box.body is None else -5
    _write(group, middle, top + 19, cut(name, LONGEST_NAME), fill=_INK)
    _write(group, middle, top + 34, cut(box.node.type, LONGEST_NAME), fill=_FAINT, font_size=11)
    if box.body is not None:
        left = (box.width - box.body.width) // 2
        _draw(_add(group, "g", transform=f"translate({max(left, PIXELS.padding)} {PIXELS.header})"), box.body)


def _draw_line(parent: ET.Element, line: Line) -> None:
    color, name = (_ERROR, "error") if line.is_error else (_FAINT, "arrow")
    dashes = {"stroke-dasharray": "4 3"} if line.is_error else {}
    _add(parent, "path", d=_curve(line), fill="none", stroke=color, marker_end=f"url(#{name})", **dashes)


def _curve(line: Line) -> str:
    (x, y), *_ = line.points
    steps = [f"M{x} {y}"]
    for (x1, y1), (x2, y2) in pairwise(line.points):
        half = (y1 + y2) // 2
        steps.append(f"L{x2} {y2}" if x1 == x2 else f"C{x1} {half} {x2} {half} {x2} {y2}")
    return " ".join(steps)


def _draw_label(parent: ET.Element, line: Line) -> None:
    """What stands at a line, on paper of its own: where it turns aside, and there near the end, since lines part where they begin."""
    if not line.label:
        return
    pieces = list(pairwise(line.points))
    (x1, y1), (x2, y2) = next((piece for piece in pieces if piece[0][0] != piece[1][0]), pieces[-1])
    x, y, text = x1 + (x2 - x1) * 4 // 5, y1 + (y2 - y1) * 2 // 3, cut(line.label, LONGEST_LABEL)
    width = columns(text) * _SMALL_LETTER + 6
    group = _add(parent, "g")
    _text_of(group, "title", line.label)
    _add(group, "rect", x=x - width // 2, y=y - 8, width=width, height=16, rx=3, fill=_PAPER, fill_opacity=0.9)
    _write(group, x, y + 4, text, fill=_ERROR if line.is_error else _INK, font_size=11)


def _write(parent: ET.Element, x: int, y: int, text: str, **attributes: object) -> None:
    if text:
        _add(parent, "text", x=x, y=y, text_anchor="middle", **attributes).text = _fit(text)


def _add(parent: ET.Element, tag: str, **attributes: object) -> ET.Element:
    return ET.SubElement(parent, tag, {name.replace("_", "-"): str(value) for name, value in attributes.items()})


def _text_of(parent: ET.Element, tag: str, text: str) -> None:
    _add(parent, tag).text = _fit(text)


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def _add_arrow(parent: ET.Element, name: str, color: str) -> None:
    marker = _add(
        parent, "marker", id=name, viewBox="0 0 10 10", refX=9, refY=5, markerWidth=7, markerHeight=7, orient="auto-start-reverse"
    )
    _add(marker, "path", d="M0 0 L10 5 L0 10 z", fill=color)
