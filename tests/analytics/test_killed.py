"""A rollup that is killed at its writes: what is written is what the rows say, then and when another one goes on."""

import os
from collections.abc import Sequence
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.analytics import answers
from aasim_plugins.analytics.models import Progress, Quarter
from aasim_plugins.analytics.rollups import facts, rollup
from aasim_plugins.analytics.rollups.cube import text_of
from aasim_plugins.engines.service import EngineCall

from .conftest import Ended

pytestmark = [pytest.mark.long, pytest.mark.faults]
_POINTS = int(os.environ.get("ANALYTICS_POINTS", "4"))
_TIMES = ("2026-01-30T10:00:00Z", "2026-01-30T10:14:00Z", "2026-01-30T10:15:00Z", "2026-01-31T23:59:59Z")
_SINCE, _UNTIL = (from_text(text) for text in ("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"))


@pytest.mark.usefixtures("needs_strace")
def test_whatever_a_killed_rollup_has_written_is_true_and_another_one_goes_on(
    app: App, owner: Person, ended: Ended, write: Any
) -> None:
    for at in _TIMES:
        ended(at, cost=11)
    code, writes = write()
    assert (code, complete(app, owner)) == (0, True)
    killed = 0
    for point in range(1, writes + 1, max(1, writes // _POINTS)):
        forget(app, owner)
        code, _ = write("-e", f"inject={write.calls}:signal=SIGKILL:when={point}")
        killed += code != 0
        assert_true(app, owner)
        with organization_scope(owner.organization_id):
            rollup.roll_up(app)
        assert complete(app, owner), point
    assert killed >= _POINTS // 2, f"{killed} of {writes} writes"


def forget(app: App, owner: Person) -> None:
    """As if nothing had been written."""
    with organization_scope(owner.organization_id), app.database.transaction():
        Quarter.delete().execute()
        Progress.delete().execute()


def state(app: App, owner: Person) -> tuple[dict[Any, str], dict[Any, str], Any]:
    """What is written, what the rows say, and up to when everything is written."""
    with organization_scope(owner.organization_id):
        written = {row.starts_at: row.content for row in Quarter.select()}
        counted = {start: text_of(cube) for start, cube in facts.counted(app, _SINCE, _UNTIL).items()}
        return written, counted, rollup.written_until()


def assert_true(app: App, owner: Person) -> None:
    """Whatever is written is what the rows say, and nothing is missing before the mark."""
    written, counted, until = state(app, owner)
    assert written.items() <= counted.items()
    assert {start for start in counted if start < until} <= written.keys()


def complete(app: App, owner: Person) -> bool:
    """Whether what is written is what the rows say, and adds up to what the calls took."""
    written, counted, _ = state(app, owner)
    with organization_scope(owner.organization_id):
        asked = answers.Asked([_SINCE], _UNTIL, ())
        [row] = answers.rows(app, asked)
        sums: Sequence[Any] = EngineCall.select(
            *(peewee.fn.SUM(column) for column in (EngineCall.input_tokens, EngineCall.output_tokens, EngineCall.cost))
        ).tuples()
        tokens_and_cost = [int(each) for each in sums[0]]
    told = [row["input_tokens"], row["output_tokens"], row["costs"][0]["cost"]]
    return written == counted and told == tokens_and_cost and len(written) == 3
