"""What the simulator lets happen to runs happens to rows: they read back as what the model has, on both databases."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_core.jobs.records import JobRow
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.executions.kernel import events
from aasim_plugins.executions.kernel.slots import Admission
from aasim_plugins.executions.kernel.state import TERMINAL, State
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.service import Admit
from aasim_plugins.executions.shell import arrivals, delivery, keys, rows, tickets
from aasim_plugins.executions.shell.stored_run import StoredRun

from ..kernel.faults import kernel
from ..kernel.simulation.shell_world import PRIORITIES, ShellWorld, live
from ..test_waiting_runs import PLUGINS

_SEEDS, _LONG_SECONDS = 5, 30
#: How many seeds are tried instead of those of so many seconds, as `bin/bench simulate` says.
_WHOLE = int(os.environ.get("SIMULATED_SEEDS", "0"))


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Any kind of run."""
    return only(["expeditions"], PLUGINS)


class Rows:
    """The mirror of a world in the rows of an organization, at the time of the world."""

    def __init__(self, world: ShellWorld, app: App) -> None:
        self._world, self._app = world, app
        self._delivered: set[tuple[str, str]] = set()

    def start(self, run: State, run_at: int | None) -> None:
        with self._app.database.transaction():
            self._begin(run, run_at)

    def _begin(self, run: State, run_at: int | None = None) -> None:
        group = self._world.groups[run.id]
        slot = run.slot and Admit(run.slot.key, self._world.rule, group, run.slot.hold).to_json()
        record = Execution(
            id=run.id, kind="simulated", trigger={"type": "simulated", "id": None}, parent_id=run.parent, root_id=run.id, slot=slot,
            deadline_at=rows.moment_of(run.deadline), priority=PRIORITIES[group],
        )  # fmt: skip
        StoredRun.begin(record, rows.moment_of(run_at))

    def apply(self, run: str, event: Any, children: Sequence[State]) -> None:
        with self._app.database.transaction():
            for child in children:
                self._begin(child)
            stored = StoredRun.of(self._record(run), in_turn=True)
            if isinstance(event, events.Delivered):
                event = events.Delivered(self._sent(stored.record, event))
            stored.apply(event)

    def _sent(self, record: Execution, event: events.Delivered) -> Any:
        """What is delivered for the first time, sent before by whoever has it."""
        fresh = {arrival.key: arrival for arrival in event.arrivals if (record.id, arrival.key) not in self._delivered}
        self._delivered |= {(record.id, key) for key in fresh}
        for arrival in fresh.values():
            moment, status = rows.moment_of(arrival.at), arrival.outcome.status
            is_new = arrivals.send(record.id, arrival.kind, arrival.correlation, key=arrival.key, status=status, at=moment)
            assert is_new is (arrival.kind not in ("child", "admission"))
        rows.mark_delivered(record, list(fresh.values()))
        return tuple(replace(arrival, outcome=replace(arrival.outcome, ref=arrival.key)) for arrival in fresh.values())

    def refresh(self) -> None:
        delivery.settle(self._key, None)

    def make_room(self, runs: Sequence[str]) -> None:
        jobs = [job.payload["execution_id"] for job in JobRow.select().where(JobRow.name == keys.CANCEL)]
        assert sorted(jobs) == sorted(runs)
        JobRow.delete().where(JobRow.name == keys.CANCEL).execute()
        for run in runs:
            delivery.cancel(run, "room", grace_seconds=8)

    def compare(self, runs: Sequence[State], admission: Admission) -> None:
        for run in runs:
            assert _told(rows.state_of(self._record(run.id), with_outcomes=True)) == _told(run)
        assert tickets.load(self._key).state == admission

    @property
    def _key(self) -> str:
        return f"key.{self._world.seed}"

    def _record(self, run: str) -> Execution:
        record: Execution = find(Execution, run)
        return record


def _told(run: State) -> dict[str, Any]:
    """What rows have of a run: of an end its status, and of what came what may still be waited for."""
    may_wait = run.status not in TERMINAL
    ending = run.ending and run.ending.status
    return {
        "status": run.status, "job": run.job, "turn": run.turn, "parent": run.parent, "slot": run.slot, "ticket": run.ticket,
        "deadline": run.deadline, "ending": ending, "stop_by": run.stop_by if ending else None, "is_paused": run.is_paused,
        "is_woken": run.is_woken, "waits": run.waits,
        "arrivals": [(each.key, each.kind, each.at, each.outcome.status) for each in run.arrivals if may_wait],
        "outcomes": {path: step.outcome.status for path, step in run.steps.items() if step.outcome},
    }  # fmt: skip


def mirrored(app: App, owner: Person, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the seed's world live with its rows."""

    def mirror(world: ShellWorld) -> Rows:
        def now() -> Any:
            return rows.moment_of(world.clock)

        for place in (rows, arrivals):
            monkeypatch.setattr(place, "now", now)
        monkeypatch.setattr(app.database, "time", now)
        return Rows(world, app)

    with organization_scope(owner.organization_id):
        try:
            live(seed, kernel(), mirror)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.long
@pytest.mark.parametrize("seed", range(_SEEDS))
def test_rows_are_what_the_model_has(app: App, owner: Person, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored(app, owner, seed, monkeypatch)


@pytest.mark.long
def test_rows_are_what_the_model_has_for_a_while(app: App, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(_WHOLE) if _WHOLE else seeds_for(_LONG_SECONDS):
        mirrored(app, owner, seed, monkeypatch)


def seeds_for(seconds: float) -> Iterator[int]:
    """Seeds that the tests of single ones do not try, until the time is over."""
    until, seed = time.monotonic() + seconds, _SEEDS
    while time.monotonic() < until:
        yield seed
        seed += 1
