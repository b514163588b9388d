"""Every place that looks over the walls between organizations is listed in system_scopes.txt, with its reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

LIST = Path(__file__).with_name("system_scopes.txt")


def test_every_system_scope_is_listed_with_its_reason(root: Path) -> None:
    listed = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    found = sorted(line for folder in ("aasim_core", "plugins") for line in calls_in(root, folder))
    missing, stale = sorted(set(found) - set(listed)), sorted(set(listed) - set(found))
    assert not missing, "read them, and if they are right add to tests/isolation/system_scopes.txt:\n" + "\n".join(missing)
    assert not stale, "these are gone; take them out of tests/isolation/system_scopes.txt:\n" + "\n".join(stale)
    assert listed == found, "tests/isolation/system_scopes.txt is to be sorted, with a line for each call"


def calls_in(root: Path, folder: str) -> Iterator[str]:
    """The calls of `system_scope` in the folder, a line each: file, function, reason; what only tests import is left out."""
    for path in sorted((root / folder).rglob("*.py")):
        if "testing" in path.parts:
            continue
        for function, call in _calls(ast.parse(path.read_text()), ""):
            yield f"{path.relative_to(root)} | {function or '<module>'} | {_reason(call)}"


def _calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        inner = function
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inner = f"{function}.{child.name}".lstrip(".")
        elif isinstance(child, ast.Call) and _is_system_scope(child.func):
            yield function, child
        yield from _calls(child, inner)


def _is_system_scope(called: ast.expr) -> bool:
    return getattr(called, "id", getattr(called, "attr", None)) == "system_scope"


def _reason(call: ast.Call) -> str:
    match call.args:
        case [ast.Constant(value=str(reason))]:
            return reason
        case [ast.JoinedStr(values=[*parts])]:
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return ast.unparse(call)


def test_the_search_finds_every_way_to_write_it(tmp_path: Path) -> None:
    source = """
from aasim_core import context
from aasim_core.context import system_scope

def plain():
    with organization_scope(x), system_scope("one reason"):
        pass

class Service:
    def method(self):
        context.system_scope(f"for {self}")
"""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "module.py").write_text(source)
    assert list(calls_in(tmp_path, "code")) == ["code/module.py | plain | one reason", "code/module.py | Service.method | for …"]
