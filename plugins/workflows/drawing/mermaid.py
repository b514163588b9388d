"""Draw a graph as a Mermaid flowchart."""

import re
from collections.abc import Iterator

from ..validation.tree import Node, Scope
from .outline import arrows, caption_of

# What means nothing to Mermaid, wherever it stands in a quoted text; all else is written by its number.
_PLAIN = re.compile(r"[^\w .,:/()+?!=-]")
_SHAPES = {"condition": ('{"', '"}'), "switch": ('{"', '"}'), "end": ('(["', '"])')}
_SHAPE = ('["', '"]')


def mermaid(scope: Scope) -> str:
    """The flowchart; bodies are subgraphs."""
    numbers = {node: f"n{number}" for number, node in enumerate(node for each in scope.within() for node in each.nodes)}
    return "\n".join(["flowchart TD", *_lines(scope, numbers, "  "), ""])


def _lines(scope: Scope, numbers: dict[Node, str], indent: str) -> Iterator[str]:
    for node in scope.nodes:
        yield from (f"{indent}{line}" for line in _node(node, numbers))
    for arrow in arrows(scope):
        line = "-.->" if arrow.is_error else "-->"
        label = f'|"{_text(arrow.label)}"|' if arrow.label else ""
        yield f"{indent}{numbers[arrow.source]} {line}{label} {numbers[arrow.target]}"


def _node(node: Node, numbers: dict[Node, str]) -> Iterator[str]:
    label = _text(caption_of(node))
    if node.body is None:
        before, after = _SHAPES.get(node.type, _SHAPE)
        yield f"{numbers[node]}{before}{label}{after}"
        return
    yield f'subgraph {numbers[node]}["{label}"]'
    yield from _lines(node.body, numbers, "  ")
    yield "end"


def _text(text: str) -> str:
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", " ".join(text.split()))
