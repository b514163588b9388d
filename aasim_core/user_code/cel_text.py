"""Analyze the text of an expression before it is compiled: its words and variables."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

#: No more of an expression is read than one may have.
_MOST_CHARACTERS = 1024
_WORD = re.compile(
    r"""
      (?P<text> [bB]?[rR][bB]? (?: '{3}.*?'{3} | "{3}.*?"{3} | '[^'\n]*+' | "[^"\n]*+" )
              | [bB]? (?: '{3}(?:[^\\]|\\.)*?'{3} | "{3}(?:[^\\]|\\.)*?"{3} | '(?:[^'\\\n]|\\.)*+' | "(?:[^"\\\n]|\\.)*+" ) | `[^`\n]*+` )
    | (?P<name> [A-Za-z_]\w*+ )
    | (?P<literal> [0-9][0-9A-Za-z_]*+ )
    | (?P<none> \s++ | //[^\n]*+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


_KEYWORDS = {"in": "sign", "true": "literal", "false": "literal", "null": "literal"}


class Word(NamedTuple):
    """A word of an expression: its kind, ``text``, ``name``, ``literal`` or ``sign``, and how it is written."""

    kind: str
    text: str


def words(expression: str) -> list[Word]:
    """The words of an expression, without spaces and comments; of what is no expression, something like it."""
    found = (
        Word(match.lastgroup or "", match[0])
        for match in _WORD.finditer(expression[:_MOST_CHARACTERS])
        if match.lastgroup != "none"
    )
    return [word._replace(kind=_KEYWORDS.get(word.text, word.kind)) for word in found]


class Variable(NamedTuple):
    """A variable that an expression names, and the fields that are taken of it there, from the outermost in."""

    name: str
    fields: tuple[str, ...]


@lru_cache(maxsize=1024)
def variables(expression: str) -> tuple[Variable, ...]:
    """The names that are no fields and no functions: of ``nodes.a.output + size(input)`` nodes, with a and output, and input."""
    found = words(expression)
    return tuple(
        Variable(word.text, tuple(_fields_after(found, n + 1)))
        for n, word in enumerate(found)
        if word.kind == "name" and not _is_field(found, n) and _text(found, n + 1) != "("
    )


def _fields_after(found: list[Word], n: int) -> Iterator[str]:
    while _text(found, n) == "." and _kind(found, n + 1) == "name" and _text(found, n + 2) != "(":
        yield found[n + 1].text
        n += 2


def _is_field(found: list[Word], n: int) -> bool:
    """Whether the name comes after a dot, and that after a value: a dot alone begins a variable."""
    return _text(found, n - 1) == "." and (
        _kind(found, n - 2) in ("name", "literal", "text") or _text(found, n - 2) in (")", "]", "}")
    )


def _text(found: list[Word], n: int) -> str:
    return found[n].text if 0 <= n < len(found) else ""


def _kind(found: list[Word], n: int) -> str:
    return found[n].kind if 0 <= n < len(found) else ""
