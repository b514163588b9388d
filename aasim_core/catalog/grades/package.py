"""The files of a plugin's package as syntax trees, for rules."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ...plugins.registry import Loaded

_Node = TypeVar("_Node", bound=ast.AST)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class SourceFile:
    """One Python file; `name` is its path in messages, such as ``notes/api.py``, and `module` what it is within the package."""

    path: Path
    name: str
    module: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """What is in it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def _nodes(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in ast.walk(self.tree):
            found.setdefault(type(node), []).append(node)
        return found

    def each(self, kind: type[_Node]) -> Sequence[_Node]:
        """The nodes of exactly that type."""
        return self._nodes.get(kind, [])  # type: ignore[return-value]  # they are stored by their type

    def at(self, node: ast.AST | None = None) -> str:
        """The file and the line of a node."""
        return f"{self.name}:{getattr(node, 'lineno', 1)}"

    @property
    def is_migration(self) -> bool:
        """Whether it is one of the migrations, which are frozen."""
        return "migrations" in self.module and self.path.stem != "__init__"

    @property
    def named_imports(self) -> Sequence[ast.ImportFrom]:
        """Each ``from … import …``, also inside functions."""
        return self.each(ast.ImportFrom)

    @cached_property
    def imports(self) -> list[tuple[ast.AST, str]]:
        """Each module that it imports, with dots in front where that is relative, also inside functions."""
        plain = [(node, alias.name) for node in self.each(ast.Import) for alias in node.names]
        named = [(node, "." * node.level + (node.module or "")) for node in self.named_imports]
        return [*plain, *named]

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str]]:
        """Each call with what is called, as it is written: ``records.find``."""
        return [(call, dotted(call.func)) for call in self.each(ast.Call)]

    def functions(self) -> Iterator[_Function]:
        """Every function and method."""
        yield from self.each(ast.FunctionDef)
        yield from self.each(ast.AsyncFunctionDef)

    def public(self) -> Iterator[_Function | ast.ClassDef]:
        """The functions and classes at its top that others can use, and the methods of classes that inherit from none."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef) and not node.bases:
                    yield from (each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"))


@dataclass(frozen=True)
class Package:
    """A plugin's package: its `folder`, or the one file that it is."""

    name: str
    folder: Path

    @cached_property
    def files(self) -> Sequence[SourceFile]:
        """Every Python file, in the order of their paths."""
        paths = sorted(self.folder.rglob("*.py")) if self.folder.is_dir() else [self.folder]
        return [SourceFile(path, self._name_of(path), path.relative_to(self._top).with_suffix("").parts) for path in paths]

    @cached_property
    def code(self) -> Sequence[SourceFile]:
        """The files without the migrations."""
        return [file for file in self.files if not file.is_migration]

    @cached_property
    def readme(self) -> str:
        """The text of its README.md; empty where there is none."""
        path = self._top / "README.md"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def _top(self) -> Path:
        return self.folder if self.folder.is_dir() else self.folder.parent

    def _name_of(self, path: Path) -> str:
        return f"{self.name}/{path.relative_to(self._top).as_posix()}"


def package_of(loaded: "Loaded") -> Package:
    """The package of a plugin that is on."""
    file = Path(loaded.module.__file__ or "")
    return Package(loaded.name, file.parent if file.name == "__init__.py" else file)


def dotted(node: ast.expr) -> str:
    """A name as it is written, with its attributes: ``os.environ.get``; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
