"""The documentation uses the terms of the field, and its headings are tasks or nouns."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from proselint import checks
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from .. import words
from .pages import Page, pages_of

#: The log of what changed keeps the words of its time.
_PAGES = [name for name in pages_of(Path(__file__).parents[2]) if name != "CHANGELOG.md"]

_CODE_OR_LINK = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\([^)\s]+\)", re.MULTILINE | re.DOTALL)
#: The rules of the prose linter, but for those that are about typography, or take names, ranges and our terms for something else.
_LEFT_OUT = (
    "cliches.misc.gnu_diction",
    "misc.phrasal_adjectives.ly",
    "dates_times",
    "lexical_illusions",
    "spelling",
    "typography",
)
_LINTER: Config = {
    "max_errors": 1000,
    "checks": {**dict.fromkeys(_LEFT_OUT, False), **DEFAULT["checks"], **dict.fromkeys(_LEFT_OUT, False)},
}
_QUESTION = re.compile(r"^#+ .*\?$", re.MULTILINE)


def faults(markdown: str) -> Iterator[str]:
    """What to write otherwise in a page."""
    prose = _CODE_OR_LINK.sub("", markdown)
    yield from words.faults(prose)
    for heading in _QUESTION.findall(prose):
        yield f"a heading is a task or a noun, not a question: {heading}"


@pytest.mark.parametrize("name", _PAGES)
def test_a_page_uses_the_terms_of_the_field(pages: Mapping[str, Page], name: str) -> None:
    assert list(faults(pages[name].text)) == []


@pytest.fixture(scope="session")
def _rules() -> None:
    CheckRegistry().register_many(checks.__register__)


def linted(markdown: str) -> list[str]:
    """What the prose linter says of a page."""
    return [found.check_result.message for found in LintFile("page", _CODE_OR_LINK.sub("", markdown)).lint(_LINTER)]


@pytest.mark.long
@pytest.mark.usefixtures("_rules")
@pytest.mark.parametrize("name", _PAGES)
def test_the_prose_linter_finds_nothing_in_a_page(pages: Mapping[str, Page], name: str) -> None:
    assert linted(pages[name].text) == []


@pytest.mark.usefixtures("_rules")
@pytest.mark.parametrize("text", ["It is kept for ever.", "At the end of the day, it runs.", "It is very unique."])
def test_the_prose_linter_finds_what_is_poor(text: str) -> None:
    assert linted(text) != []


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("Whoever may", "anyone who"),
        ("It is made anew.", "again"),
        ("The engine has a rest.", "circuit"),
        ("## Does it work?", "a noun"),
    ],
)
def test_a_fault_is_found_with_what_to_write_instead(text: str, instead: str) -> None:
    [fault] = faults(text)
    assert instead in fault


def test_code_links_and_terms_of_the_field_are_no_faults() -> None:
    assert list(faults("A key ring, `mend`, [a link](mend.md#anew).\n\n```sh\nwhoever\n```\n")) == []
