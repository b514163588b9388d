"""Exit codes: one table for all commands, in the code and in the docs."""

import ast
import re
from pathlib import Path

import pytest

from aasim_core.terminal.exit_codes import CODES


def numbers_in(path: Path) -> set[int]:
    """The numbers that a file ends commands with: `exit_code=65`, or a constant that is given so."""
    tree = ast.parse(path.read_text())
    constants: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            first = node.targets[0]
            targets = first.elts if isinstance(first, ast.Tuple) else node.targets
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            pairs = zip(targets, values, strict=False)
            constants |= {t.id: v.value for t, v in pairs if isinstance(t, ast.Name) and isinstance(v, ast.Constant)}
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "exit_code"]
    found = {value.value if isinstance(value, ast.Constant) else constants.get(getattr(value, "id", "")) for value in given}
    return {number for number in found if isinstance(number, int)}


@pytest.mark.long
def test_every_exit_code_is_one_of_the_table(root: Path) -> None:
    used = {number for room in ("aasim_core", "plugins") for path in (root / room).rglob("*.py") for number in numbers_in(path)}
    assert used - CODES.keys() == set()
    assert used >= {65, 69, 74, 75}


def test_the_table_of_the_docs_is_the_table_of_the_code(root: Path) -> None:
    page = (root / "docs" / "operate" / "run.md").read_text()
    table = page.partition("| code | meaning |")[2].partition("\n\n")[0]
    assert {int(code): meaning for code, meaning in re.findall(r"^\| (\d+) \| (.+) \|$", table, re.MULTILINE)} == dict(CODES)
