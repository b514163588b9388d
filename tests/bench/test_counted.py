"""The benchmark of analytics, on little: that it fills, counts what it filled, asks and tells."""

import pytest

from .counted.command import measure
from .databases import fresh

pytestmark = pytest.mark.long


def test_a_month_is_filled_and_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    with fresh("sqlite", "analytics") as database:
        assert measure(database, 2_000) > 0
    told = capsys.readouterr().out
    assert "2,000 executions and as many calls written in" in told
    assert "in the organization's time zone: 90 questions" in told
    assert "(400)" not in told
