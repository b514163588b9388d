"""Every pattern that the project's code gives to `re`, with the ways in which it is used."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ..sources import CORE_SOURCES, PLUGIN_SOURCES, ROOT, Source

_FUNCTIONS = {"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
_FLAGS = {"IGNORECASE": re.IGNORECASE, "ASCII": re.ASCII, "DOTALL": re.DOTALL, "MULTILINE": re.MULTILINE, "VERBOSE": re.VERBOSE}


@dataclass(frozen=True)
class Pattern:
    """A pattern in the code; None where it is put together when it runs."""

    place: str
    text: str | bytes | None
    flags: int
    way: str


@cache
def collected() -> list[Pattern]:
    """The patterns of the core and of the plugins."""
    sources = [*CORE_SOURCES, *PLUGIN_SOURCES]
    constants = dict(each for source in sources for each in _constants_in(source.tree))
    return [pattern for source in sources for pattern in _patterns_in(source, constants)]


def _constants_in(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module gives a name; of a tuple, the first item."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield (
                ast.unparse(node.targets[0]),
                node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value,
            )


def _patterns_in(source: Source, constants: Mapping[str, ast.expr]) -> Iterator[Pattern]:
    tree = source.tree
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_given_a_pattern(node.func)]
    if not calls:
        return
    used = _uses(tree)
    names = {
        id(node.value): ast.unparse(node.targets[0]).rpartition(".")[2] for node in ast.walk(tree) if isinstance(node, ast.Assign)
    }
    around = {id(inner): node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for inner in ast.walk(node)}
    for node in calls:
        function = ast.unparse(node.func)
        place = f"{source.path.relative_to(ROOT)}: {names.get(id(node)) or around.get(id(node), 'module')}"
        if function.startswith("re."):
            ways = used.get(names.get(id(node), ""), {"search"}) if function == "re.compile" else {function[3:]}
            yield Pattern(place, _text(node.args[0], constants), _flags(node), _way(ways))
        else:
            yield Pattern(place, _text(node.args[0], constants), 0, "fullmatch")


def _is_given_a_pattern(function: ast.expr) -> bool:
    """Whether a function of `re`, or a field with a pattern, is called."""
    if isinstance(function, ast.Name):
        return function.id.endswith("Patterned")
    if not isinstance(function, ast.Attribute):
        return False
    is_re = isinstance(function.value, ast.Name) and function.value.id == "re"
    return (is_re and function.attr in _FUNCTIONS) or function.attr.endswith("Patterned")


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """What is called of each name that a pattern may have."""
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.setdefault(ast.unparse(node.value).rpartition(".")[2], set()).add(node.attr)
    return used


def _way(ways: set[str]) -> str:
    return "fullmatch" if ways == {"fullmatch"} else "match" if ways <= {"match", "fullmatch"} else "search"


def _text(node: ast.expr, constants: Mapping[str, ast.expr]) -> str | bytes | None:
    """The text of an expression of literals and names of texts; None for any other one."""
    if isinstance(node, ast.Name):
        return _text(constants[node.id], constants) if node.id in constants else None
    if isinstance(node, ast.FormattedValue | ast.Starred):
        return _text(node.value, constants)
    if isinstance(node, ast.JoinedStr):
        parts = [_text(part, constants) for part in node.values]
        return None if None in parts else "".join(str(part) for part in parts)
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str | bytes) else None


def _flags(node: ast.Call) -> int:
    given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
    return sum(
        {
            _FLAGS[each.attr]
            for flag in given
            for each in ast.walk(flag)
            if isinstance(each, ast.Attribute) and each.attr in _FLAGS
        }
    )
