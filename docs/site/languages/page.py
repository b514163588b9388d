"""The examples of a page in other languages: what one block leaves, those after it use."""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .commands import Commands
from .parsing import shell
from .parsing.shell import Untranslatable
from .scope import Page
from .tree import Statement
from .writing import python, typescript

_NAMES = re.compile(r"\b([A-Z][A-Z0-9_]*)\b")
_ASSIGNED = re.compile(r"\b([A-Z][A-Z0-9_]*)=|for ([A-Z][A-Z0-9_]*) in")


@dataclass(frozen=True)
class Translation:
    """A block in each language, by its name."""

    codes: dict[str, str]


#: What writes a page's blocks in each language, by the name that the language has on the site.
LANGUAGES = {"Python": python.page, "TypeScript": typescript.page}


def translated(blocks: Sequence[str]) -> list[Translation | Untranslatable]:
    """Each block of a page in all languages, or why it stays as it is."""
    found = _statements(blocks)
    done = [statements for statements in found if not isinstance(statements, Untranslatable)]
    written = zip(*(write(done) for write in LANGUAGES.values()), strict=True)
    codes = iter([Translation(dict(zip(LANGUAGES, code, strict=True))) for code in written])
    return [one if isinstance(one, Untranslatable) else next(codes) for one in found]


def _statements(blocks: Sequence[str]) -> list[tuple[Statement, ...] | Untranslatable]:
    page = Page(frozenset(_NAMES.findall("\n".join(blocks))), frozenset(_answering(blocks)))
    return [_block(page, block) for block in blocks]


def _block(page: Page, block: str) -> tuple[Statement, ...] | Untranslatable:
    before = deepcopy((page.styles, page.functions))
    try:
        statements = Commands(page).script(shell.parse(block))
        for write in LANGUAGES.values():
            write([statements])  # or it says what it cannot write
    except Untranslatable as reason:
        page.styles, page.functions = before
        for name in (name for names in _ASSIGNED.findall(block) for name in names):
            page.styles.pop(name, None)
        return reason
    return statements


def _answering(blocks: Sequence[str]) -> Iterator[str]:
    """The functions whose output is used."""
    for block in blocks:
        try:
            statements = shell.parse(block)
        except Untranslatable:
            continue
        yield from _asked(statements, within=False)


def _asked(what: Any, *, within: bool) -> Iterator[str]:
    if isinstance(what, shell.Call) and within and isinstance(what.words[0][0], str):
        yield what.words[0][0]
    within = within or isinstance(what, shell.Output) or (isinstance(what, shell.Pipe) and len(what.calls) > 1)
    for inner in what if isinstance(what, tuple) else vars(what).values() if hasattr(what, "__dict__") else ():
        yield from _asked(inner, within=within)
