"""The time that a run sees is that of its journal."""

from collections.abc import Callable
from datetime import datetime

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.testing.world import Person
from aasim_plugins.executions import steering
from aasim_plugins.executions.hookspecs import Finished, Run
from aasim_plugins.executions.models import Execution

from .conftest import Begin


def test_each_turn_sees_the_times_that_those_before_it_saw(
    app: App, owner: Person, begin: Begin, work: Callable[[], int]
) -> None:
    turns: list[list[datetime]] = []

    def run(run: Run) -> Finished:
        turns.append(seen := [run.now])
        run.step("look", lambda: None)
        seen.append(run.now)
        for name in ("first", "second"):
            run.wait_for_signal(name, name)
            seen.append(run.now)
        return Finished()

    execution = begin(run)
    for name in ("first", "second"):
        work()
        with organization_scope(owner.organization_id), database_of(Execution).transaction():
            steering.signal(Execution.get_by_id(execution.id), name)
    work()
    assert [len(seen) for seen in turns] == [2, 3, 4]
    assert [turns[-1][: len(seen)] for seen in turns] == turns
    assert turns[-1] == sorted(turns[-1]) and turns[-1][1] < turns[-1][2] < turns[-1][3]
