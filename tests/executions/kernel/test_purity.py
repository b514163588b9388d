"""The kernel does no I/O: it imports nothing that could."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from aasim_plugins.executions import kernel, states
from aasim_plugins.executions.kernel.state import TERMINAL, Status

_FILES = sorted(Path(str(kernel.__file__)).parent.glob("*.py"))
_ALLOWED = {"collections.abc", "dataclasses", "typing"}


@pytest.mark.parametrize("file", _FILES, ids=[file.stem for file in _FILES])
def test_the_kernel_imports_types_only(file: Path) -> None:
    imported = [
        node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    names = {node.module for node in imported if isinstance(node, ast.ImportFrom) and not node.level}
    names |= {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names}
    assert names <= _ALLOWED
    assert all(node.level <= 1 for node in imported if isinstance(node, ast.ImportFrom)), "the kernel imports from itself only"


def test_the_kernel_has_the_states_of_the_api() -> None:
    assert set(states.ALL) <= set(get_args(Status))
    assert states.TERMINAL == TERMINAL
