"""The Python files of the core and the bundled plugins, and what each of them imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE, BUNDLED = "aasim_core", "aasim_plugins"
#: What a plugin may import of the core, by its name there; a name that ends in a dot stands for all modules of a folder. The page
#: docs/extend/modules.md has the same list for authors, and the version of the plugin API is that of these modules.
PUBLIC = (
    "access.delegation access.members access.permissions access.records access.rights access.tree app clock context "
    "data.compiled data.conditions data.faults data.fields data.migrator.renaming data.persistence data.records data.references "
    "data.statements data.views error_codes errors events.declarations events.facts events.log events.patterns "
    "events.records hookspecs http.operations http.protocols http.request identity.on_behalf_of ids jobs jobs.context "
    "jobs.declarations jobs.errors jobs.queue lists. logs.redaction logs.repeated_errors outbound. plugins.checks plugins.manifest "
    "resources. schemas. secrets secrets.masking settings settings.checks spans tenancy. terminal.output testing. "
    "text. user_code. version"
).split()


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name; `for_types` if only the type checker sees it."""

    line: int
    module: str
    relative: bool
    for_types: bool


@dataclass(frozen=True)
class Source:
    """A Python file of the project, by the name that it is imported under."""

    path: Path
    module: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.module.split("."))

    @cached_property
    def imports(self) -> list[Import]:
        return list(_imports_of(self))

    def at(self, line: int) -> str:
        return f"{self.path.relative_to(ROOT)}:{line}"


def _sources(folder: str, name: str) -> list[Source]:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        inside = path.relative_to(ROOT / folder).with_suffix("").parts
        module = ".".join((name, *inside)).removesuffix(".__init__")
        found.append(Source(path, module))
    return found


CORE_SOURCES = _sources("aasim_core", CORE)
PLUGIN_SOURCES = _sources("plugins", BUNDLED)
MODULES = {source.module for source in [*CORE_SOURCES, *PLUGIN_SOURCES]}


def _imports_of(source: Source) -> Iterator[Import]:
    typing_only = {id(inner) for node in ast.walk(source.tree) if _is_for_types(node) for inner in ast.walk(node)}
    package = source.parts if source.path.name == "__init__.py" else source.parts[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, False, id(node) in typing_only)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], node.module or ""] if node.level else [node.module or ""]
            for alias in node.names:
                module = ".".join(filter(None, [*base, alias.name]))
                known = module if module in MODULES else module.rpartition(".")[0]
                yield Import(node.lineno, known, node.level > 0, id(node) in typing_only)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
