"""The figures of the bench that no peer has: what an execution costs, and what the kernel is worth alone."""

from pathlib import Path

import pytest

from .measurements import cost, kernel
from .measurements.rounds import Options
from .reporting import report
from .reporting.findings import Measurement


def test_the_page_shows_what_an_execution_costs(tmp_path: Path) -> None:
    findings = [cost._finding("WAL", "at 25/s", 7.4), *cost._in_place({"executions_execution": (10, 40, 30, 0, 0)})]
    report.write([Measurement("cost", "postgresql", findings)], page := tmp_path / "benchmarks.md")
    text = page.read_text(encoding="utf-8")
    assert "| postgresql | WAL at 25/s | 7.40 KiB | ≤ 8 KiB | met |" in text
    assert "| postgresql | updates of executions that write no index | 75.0 % |  |  |" in text


def test_where_no_execution_was_updated_there_is_no_share_of_updates() -> None:
    assert cost._in_place({"executions_execution": (10, 0, 0, 0, 0)}) == []


@pytest.mark.long
def test_the_kernel_is_simulated_and_mutants_of_it_are_tried() -> None:
    measured = kernel.measure(Options(quick=True, seconds=0.1))
    assert [finding.value > 0 for finding in measured.findings] == [True] * 3
