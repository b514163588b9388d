"""Rollups: they are what the rows say, however they came about, and stay when the rows go."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.analytics.commands import verify
from aasim_plugins.analytics.models import Progress, Quarter
from aasim_plugins.analytics.rollups import facts, rollup, verification
from aasim_plugins.analytics.rollups.cube import text_of
from aasim_plugins.executions.log import retention
from aasim_plugins.executions.models import Execution

from .conftest import Ended, call

Go = Callable[[], None]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """It is eight o'clock, and stays so."""
    with time_machine.travel("2026-02-01T08:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture
def written(owner: Person) -> Callable[[], dict[str, str]]:
    """What is written, by the time of day."""

    def read() -> dict[str, str]:
        with organization_scope(owner.organization_id):
            return {row.starts_at.strftime("%d %H:%M"): row.content for row in Quarter.select().order_by(Quarter.starts_at)}

    return read


def counted(app: App, owner: Person) -> dict[str, str]:
    """What the rows say."""
    with organization_scope(owner.organization_id):
        cubes = facts.counted(app, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    return {start.strftime("%d %H:%M"): text_of(cube) for start, cube in sorted(cubes.items())}


def faults(app: App, owner: Person) -> verification.Findings:
    """What a verification finds."""
    found = verification.Findings()
    with organization_scope(owner.organization_id):
        for start, end in verification.days(app, None, None):
            found.add(verification.verify(app, start, end))
    return found


def test_each_quarter_that_is_over_has_a_row_of_what_happened_in_it(
    app: App, ended: Ended, roll_up: Go, written: Any, owner: Person
) -> None:
    for at in ("2026-01-31T10:00:00.000Z", "2026-01-31T10:14:59.999Z", "2026-01-31T23:45:00Z", "2026-02-01T07:59:00Z"):
        ended(at)
    roll_up()
    assert list(written()) == ["31 10:00", "31 23:45"]
    assert written().items() <= counted(app, owner).items()
    ended("2026-02-01T07:45:00Z")
    with time_machine.travel("2026-02-01T08:00:30Z", tick=False):
        roll_up()
    assert written() == counted(app, owner)


def test_doing_it_again_changes_nothing(ended: Ended, roll_up: Go, written: Any, clock: Any) -> None:
    ended("2026-01-31T10:00:00Z", status="failed", error_code="engine_error", score=0.25, started_at=None)
    roll_up()
    before = written()
    clock.shift(timedelta(hours=3))
    roll_up()
    assert written() == before
    assert len(before) == 1


def test_what_was_committed_late_is_counted_an_hour_later(
    app: App, ended: Ended, roll_up: Go, written: Any, owner: Person, clock: Any
) -> None:
    ended("2026-02-01T07:31:00Z")
    roll_up()
    ended("2026-02-01T07:32:00Z")
    ended("2026-02-01T07:01:00Z")
    assert written() != counted(app, owner)
    clock.shift(timedelta(hours=1))
    roll_up()
    assert written() == counted(app, owner)


def test_who_has_something_to_write_is_found(app: App, ended: Ended, roll_up: Go, world: World, owner: Person) -> None:
    world.organization("Idle")
    ended("2026-01-31T10:00:00Z")

    def found() -> list[str]:
        with system_scope("test"):
            return rollup.organizations(app)

    assert found() == [owner.organization_id]
    roll_up()
    assert found() == []
    ended("2026-02-01T07:55:00Z")
    assert found() == [owner.organization_id]


def test_another_one_at_the_same_work_writes_nothing_twice(ended: Ended, roll_up: Go, owner: Person, app: App) -> None:
    ended("2026-01-31T10:00:00Z")
    stopped: list[bool] = []

    def overtaken() -> bool:
        if not stopped:
            stopped.append(True)
            rollup.roll_up(app)
        return False

    with organization_scope(owner.organization_id):
        rollup.roll_up(app, overtaken)
        assert [row.content for row in Quarter.select()] == list(counted(app, owner).values())
        assert Progress.get().written_until == datetime(2026, 2, 1, 7, 45, tzinfo=UTC)


@pytest.mark.long
def test_what_is_counted_stays_when_retention_deletes_the_runs(
    ended: Ended, roll_up: Go, written: Any, owner: Person, app: App, clock: Any
) -> None:
    ended("2025-01-31T10:00:00Z")
    kept = ended("2026-01-31T10:00:00Z")
    roll_up()
    before = written()
    clock.shift(timedelta(days=200))
    with organization_scope(owner.organization_id):
        assert not retention.prune_some(app, owner.organization_id)
        assert [row.id for row in Execution.select()] == [kept.id]
    roll_up()
    assert written() == before
    found = faults(app, owner)
    assert (found.differing, [f"{at:%Y-%m-%d}" for at in found.unverifiable], found.verified) == ([], ["2025-01-31"], 1)


def test_what_retention_deletes_before_it_was_counted_is_counted_then(
    ended: Ended, roll_up: Go, written: Any, owner: Person, app: App
) -> None:
    ended("2024-01-31T10:00:00Z")
    before = counted_all(app, owner)
    with organization_scope(owner.organization_id):
        retention.prune_some(app, owner.organization_id)
        assert not Execution.select().exists()
    roll_up()
    assert list(written().values()) == before


def counted_all(app: App, owner: Person) -> list[str]:
    with organization_scope(owner.organization_id):
        return [
            text_of(cube)
            for cube in facts.counted(app, datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)).values()
        ]


def test_a_correction_is_counted_when_it_is_written(ended: Ended, roll_up: Go, written: Any, owner: Person, app: App) -> None:
    execution = ended("2026-01-31T10:00:00Z")
    with organization_scope(owner.organization_id), app.database.transaction():
        call(execution, "2026-01-31T12:00:00Z", -4, outcome="correction", input_tokens=0, output_tokens=-1)
    roll_up()
    assert list(written()) == ["31 10:00", "31 12:00"]
    assert '"EUR",-4' in written()["31 12:00"]


def test_the_command_names_what_is_not_as_the_rows_say(ended: Ended, roll_up: Go, owner: Person, app: App) -> None:
    for at in ("2026-01-30T10:00:00Z", "2026-01-31T10:00:00Z", "2026-01-31T12:00:00Z"):
        ended(at)
    roll_up()
    fine = CliRunner().invoke(verify(app))
    assert (fine.exit_code, "3 quarters of an hour are as their rows say" in fine.output) == (0, True)
    with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
        Execution.update(input_tokens=8).where(Execution.finished_at == datetime(2026, 1, 31, 10, tzinfo=UTC)).execute()
        Quarter.delete().where(Quarter.starts_at == datetime(2026, 1, 31, 12, tzinfo=UTC)).execute()
    told = CliRunner().invoke(verify(app))
    assert told.exit_code == 1
    named = [line for line in told.output.splitlines() if "is not what its rows say" in line]
    assert ["2026-01-31T10:00:00" in named[0], "2026-01-31T12:00:00" in named[1], len(named)] == [True, True, 2]
    assert CliRunner().invoke(verify(app), ["--to", "2026-01-31"]).exit_code == 0
    assert CliRunner().invoke(verify(app), ["--from", "2026-01-31"]).exit_code == 1
    app.database.connect(reuse_if_open=True)


def test_the_command_says_what_to_write_instead(app: App, ended: Ended, roll_up: Go) -> None:
    ended("2026-01-30T10:00:00Z")
    roll_up()
    for arguments in (["--from", "2026-02-01", "--to", "2026-02-01"], ["--organization", "organization_x"]):
        assert CliRunner().invoke(verify(app), arguments).exit_code != 0
    app.database.connect(reuse_if_open=True)
