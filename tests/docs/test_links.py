"""Every link of the documentation leads somewhere."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from .pages import Page, anchor_of, pages_of

ROOT = Path(__file__).parents[2]
#: Pages that are being written.
TO_COME: tuple[str, ...] = ()


@pytest.mark.parametrize("name", pages_of(ROOT))
def test_the_links_of_a_page_lead_to_files_and_headings(pages: Mapping[str, Page], name: str) -> None:
    for link in pages[name].links():
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (pages[name].path.parent / path).resolve() if path else pages[name].path
        if str(target.relative_to(ROOT)) in TO_COME and not target.exists():
            continue
        assert target.exists(), f"{name} links to {link}, which does not exist"
        assert not anchor or anchor in Page(target).anchors(), f"{name} links to {link}, which has no such heading"


def test_every_page_can_be_reached_from_the_readme(pages: Mapping[str, Page]) -> None:
    found, pending = set(), [ROOT / "README.md"]
    while pending:
        path = pending.pop()
        if path not in found and path.suffix == ".md":
            found.add(path)
            links = [link.partition("#")[0] for link in Page(path).links() if "://" not in link]
            pending += [target for link in links if link and (target := (path.parent / link).resolve()).exists()]
    assert {name for name, page in pages.items() if page.path not in found} == set()


def test_an_anchor_is_made_as_readers_make_it() -> None:
    assert anchor_of("Which `codes` are there?") == "which-codes-are-there"
    assert anchor_of("See [what](x.md) it does: logs") == "see-what-it-does-logs"
