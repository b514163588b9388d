"""Words of the shell as expressions: as a text, as JSON, or as a header."""

import json
import re
from collections.abc import Callable
from typing import Any

from .parsing.shell import Output, Untranslatable, Variable, Word
from .tree import Apply, Get, List, Literal, Name, Node, Object, Text

_HEADER = re.compile(r"([A-Z][A-Za-z-]+): ")
#: What is around the number of an expansion in a JSON text.
_MARK, _END = "\ue000", "\ue001"
_MARKED = re.compile(f"{_MARK}(\\d+){_END}")
#: What an expansion is as an expression.
Expand = Callable[[Variable | Output], Node]


def is_json(word: Word) -> bool:
    """Whether a word is a JSON text."""
    return bool(word) and isinstance(word[0], str) and word[0].lstrip()[:1] in ("{", "[")


def is_header(word: Word) -> bool:
    """Whether a word is a header, such as ``Prefer: wait=20``."""
    return bool(word) and isinstance(word[0], str) and bool(_HEADER.match(word[0]))


def text_of(word: Word, expand: Expand) -> Node:
    """A word as a text."""
    parts = tuple(Literal(part) if isinstance(part, str) else expand(part) for part in word)
    if not parts:
        return Literal("")
    return parts[0] if len(parts) == 1 else Text(parts)


def header_of(word: Word, expand: Expand) -> tuple[Node, Node]:
    """The name and the value of a header."""
    name = _HEADER.match(str(word[0])) if word else None
    if name is None:
        raise Untranslatable(f"the header {word}")
    rest = str(word[0])[name.end() :]
    return Literal(name[1]), text_of((rest, *word[1:]) if rest else word[1:], expand)


def json_of(word: Word, expand: Expand, value_of: Expand) -> Node:
    """A word that is a JSON text: `expand` is for what stands in its strings, `value_of` for the other values."""
    text, values = "", list[Node]()
    for part in word:
        if isinstance(part, str):
            text += part
        elif _is_in_string(text):
            text += f"{_MARK}{len(values)}{_END}"
            values.append(expand(part))
        else:
            text += f'"{_MARK}{len(values)}{_END}"'
            values.append(value_of(part))
    try:
        return _node_of(json.loads(text), values)
    except ValueError as error:
        raise Untranslatable(f"a body that is no JSON: {error}") from error


def changed(name: str, change: str) -> Node:
    """``${NAME…}`` with what stands after the name."""
    if not change:
        return Name(name)
    if change.startswith("%") and change.endswith(":*"):
        return Get(Apply("split", (Name(name), Literal(":"))), 0)
    if change.startswith("#*:"):
        return Get(Apply("split", (Name(name), Literal(":"))), 1)
    if change.startswith("%") and "*" not in change:
        return Apply("without_end", (Name(name), Literal(change[1:])))
    raise Untranslatable(f"${{{name}{change}}}")


def _is_in_string(text: str) -> bool:
    return re.findall(r'\\.|"', text).count('"') % 2 == 1


def _node_of(value: Any, values: list[Node]) -> Node:
    if isinstance(value, dict):
        return Object(tuple((_node_of(key, values), _node_of(one, values)) for key, one in value.items()))
    if isinstance(value, list):
        return List(tuple(_node_of(one, values) for one in value))
    if not isinstance(value, str) or not _MARKED.search(value):
        return Literal(value)
    pieces = _MARKED.split(value)  # texts, and between them the numbers
    parts = [values[int(piece)] if index % 2 else Literal(piece) for index, piece in enumerate(pieces) if index % 2 or piece]
    return parts[0] if len(parts) == 1 else Text(tuple(parts))
