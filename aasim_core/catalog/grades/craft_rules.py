"""Rules about a plugin's code: readable, extensible, and upgradable."""

import ast
from collections.abc import Iterator, Sequence

from .package import Package, SourceFile
from .rule import Flaw, Rule

_MOST_LINES, _MOST_LINES_OF_FUNCTION = 600, 50
#: The files of a plugin that are meant for others.
_OFFERED = frozenset(("models", "service", "hookspecs", "resources"))


def _private(package: Package) -> Iterator[Flaw]:
    """Names of the core that begin with an underscore, or modules that only its tests and commands are for."""
    for file in package.code:
        for node in file.each(ast.ImportFrom):
            module = node.module or ""
            hidden = [alias.name for alias in node.names if alias.name.startswith("_")]
            if not node.level and module.partition(".")[0] == "aasim_core" and (hidden or "._" in module):
                yield Flaw(f"import a public name instead of {', '.join(hidden) or module}", file.at(node))


def _inner_files(package: Package) -> Iterator[Flaw]:
    """Files of other plugins besides those that are meant for others."""
    for file in package.code:
        for node in file.each(ast.ImportFrom):
            parts = _of_another(file, node)
            if len(parts) > 1 and parts[1] not in _OFFERED:
                yield Flaw(f"import from {parts[0]}.service, .models or .hookspecs instead of {'.'.join(parts)}", file.at(node))


def _of_another(file: SourceFile, node: ast.ImportFrom) -> list[str]:
    """The parts of a module of another plugin, its name first; none of any other module."""
    depth = len(file.module)
    module = (node.module or "").split(".") if node.module else []
    if node.level > depth:
        return module or [alias.name for alias in node.names][:1]
    return module[1:] if not node.level and module[:1] == ["aasim_plugins"] else []


def _long_files(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        lines = sum(bool(line.strip()) for line in file.text.splitlines())
        if lines > _MOST_LINES:
            yield Flaw(f"divide the file, which has {lines} lines: one idea a file, at most {_MOST_LINES} lines", file.at())


def _long_functions(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.functions():
            lines = (node.end_lineno or node.lineno) - node.lineno
            if lines > _MOST_LINES_OF_FUNCTION:
                yield Flaw(
                    f"divide {node.name}(), which has {lines} lines, into functions of at most {_MOST_LINES_OF_FUNCTION}",
                    file.at(node),
                )


def _without_docstring(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        if file.text.strip() and not ast.get_docstring(file.tree):
            yield Flaw("begin the file with a docstring: one sentence that says what it is for", file.at())


def _undocumented(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.public():
            if not ast.get_docstring(node) and not _is_of_a_hook(node):
                yield Flaw(f"write a docstring for {node.name}", file.at(node))


def _is_of_a_hook(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether it specifies or implements a hook, of which rules of their own ask the same."""
    return any(ast.unparse(mark).partition("(")[0].endswith(("hookimpl", "hookspec")) for mark in node.decorator_list)


def _untyped(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.public():
            if not isinstance(node, ast.ClassDef) and node.returns is None and not _is_of_a_hook(node):
                yield Flaw(f"say what {node.name}() returns: def {node.name}(…) -> …", file.at(node))


def _untyped_arguments(package: Package) -> Iterator[Flaw]:
    for file in package.code:
        for node in file.public():
            if not isinstance(node, ast.ClassDef):
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [each.arg for each in every if each.annotation is None and each.arg not in ("self", "cls")]
                if bare:
                    yield Flaw(f"say of which types the arguments {', '.join(bare)} of {node.name}() are", file.at(node))


def _one_way_migrations(package: Package) -> Iterator[Flaw]:
    for file in package.files:
        if file.is_migration:
            names = {node.name for node in file.tree.body if isinstance(node, ast.FunctionDef)}
            if "up" in names and "down" not in names:
                yield Flaw("write down(migrator, db), which undoes what up() does", file.at())


def _undescribed_migrations(package: Package) -> Iterator[Flaw]:
    for file in package.files:
        if file.is_migration and not ast.get_docstring(file.tree):
            yield Flaw("begin the migration with a docstring that says what it changes", file.at())


def _unfinished_sentences(package: Package) -> Iterator[Flaw]:
    """The texts of refusals, as far as they are written where they are raised."""
    for file in package.code:
        for call, name in file.calls:
            if (
                name in ("Refused", "Problem")
                and len(call.args) > 1
                and (end := _end_of(call.args[1]))
                and end[-1] not in '.?!…:")}'
            ):
                yield Flaw(f"end what {name}(…) says as a sentence, with what to do: “…{end[-30:]}.”", file.at(call))


def _end_of(node: ast.expr) -> str:
    """The last literal piece of a text; empty where it ends with a value."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[-1] if node.values else node
    return node.value.rstrip() if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


CRAFT_RULES: Sequence[Rule[Package]] = (
    Rule(
        "module-docstrings",
        "bronze",
        "Each file begins with a docstring that says what it is for.",
        "Nobody finds out where something is done.",
        _without_docstring,
    ),
    Rule(
        "migrations-go-down",
        "bronze",
        "Each migration has `down`, which undoes `up`.",
        "An operator who purges the plugin keeps its tables forever.",
        _one_way_migrations,
    ),
    Rule(
        "public-imports",
        "gold",
        "Nothing of the core is imported whose name begins with an underscore.",
        "An upgrade of the platform breaks the plugin without a warning.",
        _private,
    ),
    Rule(
        "no-inner-files",
        "gold",
        "Of other plugins, only `service`, `models`, `hookspecs` and `resources` are imported.",
        "An upgrade of another plugin breaks this one without a warning.",
        _inner_files,
    ),
    Rule(
        "typed-returns",
        "gold",
        "Each public function says what it returns.",
        "Who builds on it learns of a mistake when it runs, not when it is checked.",
        _untyped,
    ),
    Rule(
        "typed-arguments",
        "gold",
        "Each public function says of which types its arguments are.",
        "A wrong argument is found by a user.",
        _untyped_arguments,
    ),
    Rule(
        "public-docstrings",
        "gold",
        "Each public class, function and method has a docstring.",
        "Who builds on it has to read the code.",
        _undocumented,
    ),
    Rule(
        "described-migrations",
        "gold",
        "Each migration begins with a docstring that says what it changes.",
        "An operator does not know what an upgrade does to the data.",
        _undescribed_migrations,
    ),
    Rule(
        "whole-sentences",
        "gold",
        "What `Refused` and `Problem` say ends as a sentence does.",
        "Who is refused reads a fragment, and not what to do.",
        _unfinished_sentences,
    ),
    Rule(
        "short-files",
        "gold",
        "No file has more than 600 lines that are not blank, apart from migrations.",
        "A mistake hides where nobody reads to the end.",
        _long_files,
    ),
    Rule(
        "short-functions",
        "gold",
        "No function has more than 50 lines.",
        "A mistake hides where nobody reads to the end.",
        _long_functions,
    ),
)
