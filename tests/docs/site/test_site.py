"""The site of the documentation builds, every link in it leads somewhere, and nothing of it comes from elsewhere."""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest

pytestmark = pytest.mark.long

#: Attributes of a page whose targets a browser fetches by itself, by element.
_FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Parsed(HTMLParser):
    """The ids of a page, the targets of its links, and what a browser fetches for it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.policy = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found["id"]} if "id" in found else set()
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if _FETCHED.get(tag, "") in found:
            self.fetched.append(found[_FETCHED[tag]])
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]


@pytest.fixture(scope="module")
def parsed(site: Path) -> Mapping[str, Parsed]:
    """Every page, by its path on the site."""
    return {str(path.relative_to(site)): Parsed(path) for path in sorted(site.rglob("*.html"))}


def dead_links(site: Path, parsed: Mapping[str, Parsed]) -> Iterator[str]:
    """The links of pages to what the site does not have."""
    for path, page in parsed.items():
        for link in (link for link in page.links if not re.match(r"\w+:", link)):
            target, anchor = urldefrag(urljoin(f"http://site/{path}", link))
            name = unquote(target.removeprefix("http://site/"))
            name = f"{name}index.html" if name == "" or name.endswith("/") else name
            if not (site / name).is_file() or (anchor and unquote(anchor) not in parsed[name].ids):
                yield f"{path}: {link}"


def test_every_page_of_the_checkout_is_on_the_site(root: Path, parsed: Mapping[str, Parsed]) -> None:
    written = {path.relative_to(root / "docs").with_suffix("") for path in (root / "docs").rglob("*.md")}
    expected = {"index.html" if path.name == "index" and path.parent == Path() else _page(path) for path in written}
    expected |= {f"plugins/{path.parent.name}/index.html" for path in (root / "plugins").glob("*/README.md")}
    assert expected <= parsed.keys()


def _page(path: Path) -> str:
    return f"{path.parent}/index.html" if path.name == "index" else f"{path}/index.html"


def test_no_link_is_dead(site: Path, parsed: Mapping[str, Parsed]) -> None:
    assert list(dead_links(site, parsed)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<h1 id="a">A</h1><a href="#a">1</a><a href="#b">2</a><a href="c/">3</a>')
    assert list(dead_links(tmp_path, {"index.html": Parsed(tmp_path / "index.html")})) == ["index.html: #b", "index.html: c/"]


def test_a_list_is_a_list(site: Path) -> None:
    paragraphs = [
        (path.name, text) for path in site.rglob("*.html") for text in re.findall(r"<p>[^<]*\n- [^<]*", path.read_text())
    ]
    assert paragraphs == []


def test_a_browser_fetches_nothing_from_other_hosts(site: Path, parsed: Mapping[str, Parsed]) -> None:
    assert {target for page in parsed.values() for target in page.fetched if re.match(r"(\w+:)?//", target)} == set()
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:\w+:)?//[^)'\"]*", styles) == []


def test_the_browser_refuses_what_a_script_would_fetch_elsewhere(parsed: Mapping[str, Parsed]) -> None:
    policies = {page.policy for page in parsed.values()}
    assert len(policies) == 1
    for directive in policies.pop().split("; "):
        name, *sources = directive.split()
        assert set(sources) <= {"'self'", "'unsafe-inline'", "data:", "blob:"}, name
        assert name != "default-src" or sources == ["'self'"]


def test_each_example_has_a_tab_for_each_language_that_needs_no_script(site: Path) -> None:
    page = (site / "start" / "quickstart" / "index.html").read_text(encoding="utf-8")
    tabs = re.findall(r'<label for="(\w+)">(\w+)</label>', page)
    assert [name for _, name in tabs] == ["curl", "Python", "TypeScript"] * page.count('class="tabbed-set')
    assert {target for target, _ in tabs} == set(re.findall(r'id="(\w+)" name="\w+" type="radio"', page))
