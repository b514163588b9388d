"""What the text of an expression tells: which variables it names, and which of their fields."""

import json
from pathlib import Path

import pytest

from aasim_core.user_code.cel_text import variables
from aasim_core.user_code.expressions import flaw

from .cel_tree import Tree


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("nodes.a.output + nodes . b.x + 'nodes.c'", ["nodes.a.output", "nodes.b.x"]),
        ("size(input.nodes.x) + [nodes][0].nodes.y", ["input.nodes.x", "nodes"]),
        ("nodes['a'].b + nodes.c[0].d", ["nodes", "nodes.c"]),
        ("nodes.size() + size(nodes)", ["nodes", "nodes"]),
        (".nodes.a + (.nodes.b) == true.nodes", ["nodes.a", "nodes.b"]),
        ("'x' in .nodes.a", ["nodes.a"]),
        ("nodes.a // nodes.b\n + nodes.c", ["nodes.a", "nodes.c"]),
        (r"r'\' + nodes.a + '\'nodes.b' + '''nodes.c' ''' + nodes.d", ["nodes.a", "nodes.d"]),
        ("{nodes: 1.5e3, 'nodes': index}", ["nodes", "index"]),
        ("has(nodes.a) ? item : null", ["nodes.a", "item"]),
        ("'nodes.a", ["nodes.a"]),
    ],
)
def test_variables_are_found_with_the_fields_that_are_taken_of_them(expression: str, named: list[str]) -> None:
    assert [".".join((each.name, *each.fields)) for each in variables(expression)] == named


@pytest.mark.long
def test_the_variables_are_those_that_the_compiler_finds() -> None:
    cases = [
        json.loads(line) for line in (Path(__file__).parent / "cel" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    compiled = [(case["expr"], case.get("with", {})) for case in cases if not any("." in name for name in case.get("with", {}))]
    compiled = [(expression, values) for expression, values in compiled if flaw(expression, values) is None]
    found = {expression: {each.name for each in variables(expression)} for expression, _ in compiled}
    assert found == {expression: Tree(expression, values).variables for expression, values in compiled}
    assert len(found) > 800
