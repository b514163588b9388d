"""The code speaks the language of its field: `words.py` lists what docstrings, comments and messages do not say."""

import ast
import io
import tokenize
from collections.abc import Iterator

from .sources import CORE_SOURCES, PLUGIN_SOURCES, Source
from .words import faults

#: Without migrations, which are frozen.
SOURCES = [source for source in (*CORE_SOURCES, *PLUGIN_SOURCES) if "migrations" not in source.parts]

#: A module is introduced by the noun of what it is, or by the verb of what it does.
_NO_SUBJECTS = {"How", "What", "When", "Where", "Whether", "Which", "Who", "Those"}


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    """Each docstring, message and comment of a module, with its line."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source.path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_the_code_says_it_in_the_terms_of_the_field() -> None:
    found = [f"{source.at(line)}: {fault}" for source in SOURCES for line, text in _texts(source) for fault in faults(text)]
    assert found == []


def test_a_module_is_introduced_by_a_noun_or_a_verb() -> None:
    found = [
        f"{source.at(1)} begins with {first!r}: name what it is, or what it does"
        for source in SOURCES
        if (first := (ast.get_docstring(source.tree) or "").partition(" ")[0]) in _NO_SUBJECTS
    ]
    assert found == []
