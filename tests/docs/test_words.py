"""The documentation uses the terms of the field, and its headings are tasks or nouns."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from .. import words
from .pages import Page, pages_of

#: The log of what changed keeps the words of its time.
_PAGES = [name for name in pages_of(Path(__file__).parents[2]) if name != "CHANGELOG.md"]

_CODE_OR_LINK = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\([^)\s]+\)", re.MULTILINE | re.DOTALL)
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
