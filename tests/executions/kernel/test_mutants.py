"""What the mutants of the kernel are, and that one is told from the kernel as it is."""

from pathlib import Path

import pytest

from .mutants import MODULES, Mutant, is_noticed, mutants

pytestmark = pytest.mark.long


def test_each_mutant_is_another_program() -> None:
    for module in MODULES:
        found = [mutant.source for mutant in mutants(module)]
        assert len(set(found)) == len(found) > 10


def test_a_mutant_is_noticed() -> None:
    [mutant] = [each for each in mutants("decide") if each.mistake == "job == state.job  →  job != state.job"]
    assert is_noticed(mutant)


def test_the_kernel_as_it_is_is_not_noticed(root: Path) -> None:
    source = (root / "plugins" / "executions" / "kernel" / "decide.py").read_text(encoding="utf-8")
    assert not is_noticed(Mutant("decide", 0, "nothing", source))
