"""What MkDocs is told in addition to `mkdocs.yml`: the navigation, and the pages outside of `docs/`."""

import re
from os.path import relpath
from pathlib import Path
from typing import Any

from languages.tabs import with_tabs
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[2]
#: The folders with examples that a reader can run, which are in tabs.
_WITH_EXAMPLES = ("start/", "use/", "recipes/", "reference/")
_CODE_OR_LINK = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\((?P<target>[^)\s]+)\)", re.MULTILINE | re.DOTALL)
_HEADING_OR_LINK = re.compile(r"^(?P<level>##+) (?P<heading>.+)$|\[(?P<title>[^\]]+)\]\((?P<path>[^)\s#:]+)\)", re.MULTILINE)
#: Code and tables that scroll take the focus, the search has a name, forms can be sent, and the parts of the menu are one landmark.
_MENU = r'<nav class="md-nav" data-md-level="(\d)" aria-labelledby="[^"]*" aria-expanded="\w+"'
_ACCESSIBLE = {
    r"<pre([^>]*)>": r'<pre tabindex="0"\1>',
    r"<table>": '<div class="table" tabindex="0"><table>',
    r"</table>": "</table></div>",
    r'role="dialog">': 'role="dialog" aria-label="Search">',
    r'type="checkbox" id="__toc">': 'type="checkbox" id="__toc" aria-label="Table of contents">',
    r"</form>": '<button type="submit" hidden>Send</button></form>',
    _MENU: r'<nav class="md-nav" role="none" data-md-level="\1"',
}


def on_config(config: Any) -> Any:
    """Make the navigation: the sections of `docs/index.md`, with its links in their order."""
    config.nav = navigation((ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside of `docs/`, and the files that pages link to."""
    pages = [ROOT / "docs" / file.src_uri for file in files.documentation_pages()]
    pages += [*ROOT.glob("*.md"), *sorted((ROOT / "plugins").glob("*/README.md"))]
    linked = {target for page in pages for target in _targets(page) if target.is_file()}
    for path in sorted({*pages, *linked}):
        if not path.is_relative_to(ROOT / "docs"):
            files.append(File.generated(config, uri_of(path), abs_src_path=str(path), inclusion=_inclusion(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the links of a page lead to where their targets are on the site, and show its examples in each language."""
    source, here = Path(page.file.abs_src_path).parent, Path(page.file.src_uri).parent

    def followed(match: re.Match[str]) -> str:
        target = match["target"]
        if target is None or ":" in target or target.startswith("#"):
            return match[0]
        path, hash_sign, anchor = target.partition("#")
        return f"]({relpath(uri_of((source / path).resolve()), here)}{hash_sign}{anchor})"

    linked = _CODE_OR_LINK.sub(followed, markdown)
    return with_tabs(linked) if page.file.src_uri.startswith(_WITH_EXAMPLES) else linked


def on_post_page(output: str, **_: Any) -> str:
    """Give the theme's page what keyboards, screen readers and the checkers of both ask for."""
    for found, better in _ACCESSIBLE.items():
        output = re.sub(found, better, output)
    return output


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """The same for the page of what is not there."""
    return on_post_page(output_content) if template_name.endswith(".html") else output_content


def navigation(index: str) -> list[Any]:
    """The sections of the index, and of these the sections in them."""
    top: list[Any] = [{"Home": "index.md"}]
    within = {1: top}
    for match in _HEADING_OR_LINK.finditer(index):
        deepest = within[max(within)]
        if match["path"]:
            title = match["title"][0].upper() + match["title"][1:]
            deepest.append({title: uri_of((ROOT / "docs" / match["path"]).resolve())})
            continue
        level = len(match["level"])
        within = {above: entries for above, entries in within.items() if above < level}
        within[level] = []
        within[max(above for above in within if above < level)].append({match["heading"].partition(":")[0]: within[level]})
    return top


def uri_of(path: Path) -> str:
    """Where a file of the checkout is on the site: `docs/` at the top, a plugin's README among plugins, others below `project/`."""
    if path.is_relative_to(ROOT / "docs"):
        return path.relative_to(ROOT / "docs").as_posix()
    parts = path.relative_to(ROOT).parts
    if parts[0] == "plugins" and path.name == "README.md":
        return f"plugins/{parts[1]}.md"
    return "project/" + "/".join(parts).lower() if path.suffix == ".md" else "project/" + "/".join(parts)


def _inclusion(path: Path) -> InclusionLevel:
    """The README leads to the site from elsewhere, so that no menu needs it."""
    return InclusionLevel.NOT_IN_NAV if path.parent == ROOT and path.name == "README.md" else InclusionLevel.UNDEFINED


def _targets(page: Path) -> list[Path]:
    links = (match["target"] for match in _CODE_OR_LINK.finditer(page.read_text(encoding="utf-8")))
    return [(page.parent / link.partition("#")[0]).resolve() for link in links if link and ":" not in link and link[0] != "#"]
