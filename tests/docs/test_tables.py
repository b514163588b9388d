"""Every column of a table has a heading, since readers who cannot see the page hear it with each cell (WCAG 2.2, 1.3.1)."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from .pages import Page, pages_of

_HEAD = re.compile(r"^\|(.*)\|\n\|[ :|-]+\|$", re.MULTILINE)


def _heads_without_text(markdown: str) -> list[str]:
    return [head for head in _HEAD.findall(markdown) if not all(cell.strip() for cell in head.split("|"))]


@pytest.mark.parametrize("name", pages_of(Path(__file__).parents[2]))
def test_every_column_has_a_heading(pages: Mapping[str, Page], name: str) -> None:
    assert _heads_without_text(pages[name].text) == []


def test_a_column_without_a_heading_is_found() -> None:
    assert _heads_without_text("|  | rate |\n| --- | --- |\n| floor | 3 |\n") == ["  | rate "]
