"""The code speaks the language of its field: private words for standard terms are refused in docstrings, comments and messages."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

import pytest

from .sources import CORE_SOURCES, PLUGIN_SOURCES, ROOT, Source

#: What is not to be written, as a pattern of whole words, and what to write instead.
INSTEAD = {
    r"whoever": "the caller, the holder, the starter, the operator: the noun for who it is",
    r"anew": "again, or the verb: reset, restart, reread, reconnect, re-encrypt",
    r"mend(?:s|ed|ing)?": "fix",
    r"rung": "notified",
    r"so many": "this many, a number of, at most, or the limit itself",
    r"goes on|go on": "continue, or is running",
    r"hangs? on": "belongs to",
    r"has a rest|have a rest": "its circuit is open",
    r"barred": "suspended",
    r"puts? to people": "requires approval",
    r"what is there already": "existing",
    r"(?<![\w/`])beside(?![\w`])": "with, next to, outside of, besides",
}


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    """Each docstring, message and comment of a module, with its line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source.path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@cache
def _all_texts() -> list[tuple[str, str]]:
    """Every text of the code on one line, with its place."""
    return [
        (f"{source.path.relative_to(ROOT)}:{line}", re.sub(r"\s+", " ", text))
        for source in (*CORE_SOURCES, *PLUGIN_SOURCES)
        if "migrations" not in source.parts
        for line, text in _texts(source)
    ]


@pytest.mark.parametrize("word", INSTEAD)
def test_the_code_says_it_in_the_terms_of_the_field(word: str) -> None:
    pattern = re.compile(rf"(?<!\w)(?:{word})(?!\w)", re.IGNORECASE)
    found = [
        f"{place} writes {match[0]!r}; write {INSTEAD[word]}" for place, text in _all_texts() if (match := pattern.search(text))
    ]
    assert found == []
