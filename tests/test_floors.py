"""The floors of the core: imports run downward, nothing is in a circle, and files and functions stay below an upper bound."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from .sources import CORE, CORE_SOURCES, PLUGIN_SOURCES, ROOT, Import, Source

#: The floors of the core, from the ground up: at run time a module imports from lower floors and from its own folder only, also inside
#: functions. `docs/architecture.md` draws them. The face, `aasim_core/__init__.py`, and the frozen migrations are exempt.
LAYERS: tuple[set[str], ...] = (
    {"clock", "context", "error_codes", "ids", "version"},
    {"errors"},
    {"text"},
    {"schemas", "settings", "user_code"},
    {"logs"},
    {"secrets", "spans", "terminal"},
    {"data"},
    {"processes", "tenancy"},
    {"access", "jobs"},
    {"events", "lists", "outbound"},
    {"identity"},
    {"http"},
    {"plugins"},
    {"app"},
    {"authoring", "hookspecs", "key_rotation", "resources", "worker"},
    {"serving"},
    {"openapi"},
    {"catalog", "collecting"},
    {"builtin"},
    {"bootstrap"},
    {"process"},
    {"diagnosis"},
    {"commands", "testing"},
    {"cli"},
    {"__main__"},
)
#: How many lines a file has at most, and a function. Most are far shorter: these only refuse what nobody can review.
MOST_LINES, MOST_LINES_OF_FUNCTION = 600, 50


def _inside(module: str) -> str:
    """A module of the core, by its name within the core."""
    return module.removeprefix(f"{CORE}.")


def _upward() -> Iterator[tuple[Source, Import]]:
    """What the modules of the core import from their own floor or a higher one, without what is of their own folder."""
    floor = {package: number for number, layer in enumerate(LAYERS) for package in layer}
    for source in CORE_SOURCES:
        package = _inside(source.module).split(".")[0]
        if source.module == CORE or package == "migrations":
            continue
        for found in source.imports:
            other = _inside(found.module).split(".")[0]
            is_upward = found.module.startswith(f"{CORE}.") and other != package and floor[other] >= floor[package]
            if is_upward and not found.for_types:
                yield source, found


def test_the_floors_name_every_folder_and_file_of_the_core() -> None:
    named = [package for layer in LAYERS for package in layer]
    assert sorted(named) == sorted({_inside(source.module).split(".")[0] for source in CORE_SOURCES} - {CORE, "migrations"})


def test_imports_of_the_core_run_downward() -> None:
    broken = [
        f"{source.at(found.line)} imports {found.module}, which stands no lower: pass what it needs as an argument, "
        "or move it to where it belongs (docs/architecture.md)"
        for source, found in _upward()
    ]
    assert not broken, "\n".join(broken)


def _circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or not, in groups."""
    reached: dict[str, set[str]] = {}
    for module in imports:
        seen, waiting = set[str](), [module]
        while waiting:
            new = imports.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        reached[module] = seen
    groups = {frozenset(other for other in seen if module in reached.get(other, ())) for module, seen in reached.items()}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def test_no_files_import_each_other_in_a_circle() -> None:
    sources = [*CORE_SOURCES, *PLUGIN_SOURCES]
    imports = {
        source.module: {found.module for found in source.imports if not found.for_types} - {source.module} for source in sources
    }
    assert _circles(imports) == []


def _files() -> list[Path]:
    """The Python files of the core, the bundled plugins and the tests, without migrations."""
    paths = [path for folder in ("aasim_core", "plugins", "tests") for path in (ROOT / folder).rglob("*.py")]
    return [path for path in paths if "migrations" not in path.parts]


def test_no_file_is_too_long_to_review() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in _files()}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}, "make a file of each subject in it"


def test_no_function_is_too_long_to_review() -> None:
    found = [
        f"{source.at(node.lineno)} {node.name}() has {node.end_lineno - node.lineno} lines: make a function of each idea in it"
        for source in [*CORE_SOURCES, *PLUGIN_SOURCES]
        if "migrations" not in source.parts
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno > MOST_LINES_OF_FUNCTION
    ]
    assert not found, "\n".join(found)


def test_the_page_on_architecture_draws_each_folder_and_file_on_its_floor() -> None:
    floor = {package: number for number, layer in enumerate(LAYERS, start=1) for package in layer}
    rows = []
    for source in CORE_SOURCES:
        parts, is_folder = source.parts[1:], source.path.name == "__init__.py"
        if parts and parts[0] in floor and (is_folder or len(parts) == 1):
            summary = (ast.get_docstring(source.tree) or "").partition("\n\n")[0].replace("\n", " ")
            rows.append((floor[parts[0]], "/".join(parts) + ("/" if is_folder else ".py"), summary))
    drawn = [
        line for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    assert [line for line in drawn if line[2].isdigit()] == [
        f"| {number} | `{path}` | {summary} |" for number, path, summary in sorted(rows)
    ]
