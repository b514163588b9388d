"""No query is kept where two requests could meet it: peewee's queries remember their rows, and would show one organization another's."""

import ast
from collections.abc import Iterator
from pathlib import Path

_BUILDING = {"select", "where", "orwhere", "raw", "cte", "with_cte", "delete", "insert_many", "union", "union_all", "prefetch"}


def test_queries_are_built_where_they_are_run(root: Path) -> None:
    found = [
        line for folder in ("aasim_core", "plugins") for path in (root / folder).rglob("*.py") for line in kept_queries(path)
    ]
    assert not found, "build these inside the function that runs them:\n" + "\n".join(found)


def kept_queries(path: Path) -> Iterator[str]:
    """The lines of the file that build a query when it is imported, or keep one between calls."""
    for node in _at_import(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _BUILDING:
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            defaults = [*child.args.defaults, *filter(None, child.args.kw_defaults)]
            for default in defaults:
                yield default
                yield from _at_import(default)
        else:
            yield child
            yield from _at_import(child)


def test_a_kept_query_is_found(tmp_path: Path) -> None:
    source = """
ACTIVE = Agent.select().where(Agent.active)

class Agents:
    newest = Agent.select()

def fine():
    return Agent.select().where(Agent.active)

def shared(query=Agent.select()):
    return query

BUILD = lambda: Agent.select()
"""
    (tmp_path / "module.py").write_text(source)
    assert [line.partition(": ")[2] for line in kept_queries(tmp_path / "module.py")] == [
        "Agent.select().where(Agent.active)",
        "Agent.select()",
        "Agent.select()",
        "Agent.select()",
    ]
