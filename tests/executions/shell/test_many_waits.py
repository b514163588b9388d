"""Runners that wait for many things at once, and are told what has ended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.testing.world import Person
from aasim_plugins.executions import steering
from aasim_plugins.executions.hookspecs import Finished, Run, RunWaits
from aasim_plugins.executions.models import ArrivalRow, Execution, WaitRow
from aasim_plugins.executions.shell.waits import Settled, for_signal, until

from .conftest import Begin


def signal(app: App, owner: Person, execution: Execution, name: str, data: Any) -> None:
    """Send the run a signal."""
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        steering.signal(Execution.get_by_id(execution.id), name, data=data)


def opening(told: list[Settled]) -> Callable[[Run], Finished]:
    """A run that waits for two signals at once, notes what ended, and forgets it; it ends with the second."""

    def run(run: Run) -> Finished:
        settled = run.waits.settled()
        told.extend(settled)
        if not told and not run.waits.open_paths:
            run.effect(lambda: run.waits.open({"a": for_signal("one"), "b": for_signal("two")}))
        run.effect(lambda: run.waits.forget([each.path for each in settled]))
        if len(told) == 2:
            return Finished([each.data for each in told])
        raise RunWaits

    return run


def test_what_has_ended_is_told_once(app: App, owner: Person, begin: Begin, work: Callable[[], int]) -> None:
    told: list[Settled] = []
    execution = begin(opening(told))
    work()
    signal(app, owner, execution, "two", 2)
    work()
    signal(app, owner, execution, "one", 1)
    work()
    assert [(each.path, each.kind, each.status) for each in told] == [("b", "signal", "succeeded"), ("a", "signal", "succeeded")]
    assert owner.client.get(f"/executions/{execution.id}").data["output"] == [2, 1]


@pytest.mark.long
def test_what_others_sent_is_not_taken_twice_after_it_was_forgotten(
    app: App, owner: Person, begin: Begin, work: Callable[[], int]
) -> None:
    execution = begin(opening([]))
    work()
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        assert steering.signal(Execution.get_by_id(execution.id), "two", key="delivery-7")
    work()
    with organization_scope(owner.organization_id), database_of(Execution).transaction():
        assert not steering.signal(Execution.get_by_id(execution.id), "two", key="delivery-7")


@pytest.mark.long
def test_a_path_that_was_forgotten_can_wait_again(app: App, owner: Person, begin: Begin, work: Callable[[], int]) -> None:
    rounds: list[str] = []

    def run(run: Run) -> Finished:
        settled = run.waits.settled()
        rounds.extend(each.path for each in settled)
        if len(rounds) == 3:
            return Finished(len(rounds))

        def write() -> None:
            run.waits.forget([each.path for each in settled])
            run.waits.open({"nap": until(now() - timedelta(seconds=1))})

        run.effect(write)
        raise RunWaits

    execution = begin(run)
    for _ in range(4):
        work()
    assert owner.client.get(f"/executions/{execution.id}").data["output"] == 3
    with organization_scope(owner.organization_id):
        assert ArrivalRow.select().where(ArrivalRow.execution_id == execution.id).count() == 1  # the last is not forgotten


def test_a_wait_that_is_closed_has_no_outcome(app: App, owner: Person, begin: Begin, work: Callable[[], int]) -> None:
    def run(run: Run) -> Finished:
        run.effect(lambda: run.waits.open({"a": for_signal("one"), "b": for_signal("two")}))
        run.effect(lambda: run.waits.close(["a"]))
        raise RunWaits

    execution = begin(run)
    work()
    with organization_scope(owner.organization_id):
        assert [row.path for row in WaitRow.select().where(WaitRow.execution_id == execution.id)] == ["b"]
