"""A stored run, and the one way to change its state: an event, decided by the kernel, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from aasim_core.clock import now
from aasim_core.context import acting_as
from aasim_core.data import records
from aasim_core.data.records import database_of, find_or_none
from aasim_core.jobs.queue import enqueue

from .. import states
from ..kernel import commands
from ..kernel.commands import Command, Reject
from ..kernel.decide import decide, start
from ..kernel.events import Cancel, Delivered, Event, Start
from ..kernel.state import RUN, State, next_due
from ..models import Execution
from . import arrivals, rows, slots

#: The jobs of a run: a turn of it, and a look whether one of its times has come.
TURN, TICK = "executions.turn", "executions.tick"
#: What the job of a run that nobody has begun says of it: enough to begin it without looking. The release before this one said another
#: thing, ``unstarted``, and looks where that is missing.
_UNSTARTED = ("kind", "subject_type", "subject_id", "subject_version", "label")

Values = Callable[[State], Mapping[str, Any]]


def no_values(_: State) -> Mapping[str, Any]:
    """Nothing, where nobody asks for values."""
    return {}


class StoredRun:
    """A run's record, and the state that it and its other rows hold. It may be out of date: see `apply`."""

    def __init__(self, record: Execution, state: State, *, in_turn: bool = False) -> None:
        self.record, self.state, self._in_turn = record, state, in_turn

    @classmethod
    def of(cls, record: Execution, *, in_turn: bool = False) -> StoredRun:
        """The run of a record that was read; `in_turn` by a worker that is to take a turn of it."""
        return cls(record, rows.state_of(record, with_outcomes=in_turn), in_turn=in_turn)

    @classmethod
    def begin(cls, record: Execution, run_at: datetime | None) -> StoredRun:
        """Write a new run, with its first turn, or the time at which that is due; Refused as `admission.ask_at_start` says."""
        state, follow = start(None, Start(rows.state_without_rows(record), rows.milliseconds(run_at)))
        request = state.waits.get(RUN)
        if request is not None and request.kind == "admission" and slots.ask_at_start(record, request.correlation):
            state, follow = decide(state, Delivered((slots.arrival(request.correlation),)))
        for name, value in rows.difference(State(record.id), state).items():
            setattr(record, name, value)
        for command in follow:
            if isinstance(command, commands.Enqueue):
                queue(record, command.job)
        records.insert(record)
        rows.write_waits(record, State(record.id), state, ())
        if (due := next_due(state)) is not None:
            look_at(record, due)
        return cls(record, state)

    @classmethod
    def find(cls, execution_id: str) -> StoredRun | None:
        """The run of that id, if there is one."""
        record = find_or_none(Execution, execution_id)
        return None if record is None else cls.of(record)

    def apply(self, *happened: Event, values: Values = no_values, delay: float = 0) -> Sequence[Command]:
        """Apply the events to the run, in the running transaction; returns the commands, which have been executed.

        `values` are further columns of the record, for the state after. A turn that is enqueued begins after `delay` seconds. If the run
        was changed since it was read, it is reread, and decided again.
        """
        while (follow := self.try_to(*happened, values=values, delay=delay)) is None:
            self.reload()
        return follow

    def try_to(
        self, *happened: Event, values: Values = no_values, delay: float = 0, returning: records.Returning | None = None
    ) -> Sequence[Command] | None:
        """The same, but None where somebody else has changed the run since it was read."""
        after, follow = self.state, list[Command]()
        for event in happened:
            after, more = decide(after, event)
            follow += more
        delivered = [arrival.key for event in happened if isinstance(event, Delivered) for arrival in event.arrivals]
        if after != self.state and not self._write(after, values(after), returning, delivered):
            return None
        for command in follow:
            if (carry_out := _CARRY_OUT.get(type(command))) is not None:
                carry_out(self, command, delay)
        return follow

    def touch(self, used: Mapping[str, Any]) -> bool:
        """Say that the turn got further, and what it `used`; False if the run is to start nothing any more.

        A concurrent end waits for the transaction.
        """
        turn = self.state.turn
        while self.state.status == states.RUNNING and self.state.turn == turn:
            if states.write(self.record, used):
                return True
            self.reload()
        return False

    def forget(self, paths: Collection[str]) -> None:
        """Forget the outcomes of the waits of these paths."""
        if known := [path for path in paths if path in self.state.steps]:
            rows.forget(self.record, known)
            database_of(Execution).on_rollback(partial(setattr, self, "state", self.state))
            self.state = self.state._replace(steps={path: step for path, step in self.state.steps.items() if path not in known})

    def reload(self) -> None:
        """Reread the run. A deleted one counts as cancelled."""
        record = find_or_none(Execution, self.record.id)
        if record is None:
            self.state = self.state._replace(status="cancelled")
        else:
            self.record, self.state = record, rows.state_of(record, with_outcomes=self._in_turn)

    def _write(
        self, after: State, values: Mapping[str, Any], returning: records.Returning | None, delivered: Sequence[str]
    ) -> bool:
        before = self.state
        changes = rows.difference(before, after)
        if "job" in changes and self.record.job_id is not None:  # of the release before this one, whose jobs count no more
            changes["job_id"] = None
        if not states.write(self.record, {**changes, **values}, returning):
            return False
        rows.write_waits(self.record, before, after, delivered)
        database_of(Execution).on_rollback(partial(setattr, self, "state", before))
        self.state = after
        if (due := next_due(after)) is not None and due != next_due(before):
            look_at(self.record, due)
        return True


def look_at(record: Execution, due: int) -> None:
    """Send the run a tick at that time; one job waits for the earliest of its times."""
    enqueue(TICK, {"execution_id": record.id}, run_at=rows.moment_of(due), unique_key=record.id)


def queue(record: Execution, job: int, delay: float = 0) -> None:
    """Put the run's next turn into the running transaction."""
    is_plain = not (record.started_at or record.slot)
    unstarted = {name: getattr(record, name) for name in _UNSTARTED} if is_plain else None
    run_at = now() + timedelta(seconds=delay) if delay else None
    payload = {"execution_id": record.id, "job": job, "begins": unstarted}
    enqueue(TURN, payload, run_at=run_at, priority=record.priority, plugin=record.plugin)


def cancel(execution: Execution, reason: str | None, grace: int) -> tuple[Execution, Sequence[Command]]:
    """End a run, and those that it has started, after `grace` milliseconds whatever they do; one that has ended stays as it is."""
    lock_children(execution.id)
    run = StoredRun.of(execution)
    run.state = run.state._replace(grace=grace)
    follow = run.apply(Cancel(rows.present()), values=lambda after: {"cancel_reason": reason})
    for child in Execution.select().where(Execution.parent_id == execution.id, Execution.status.not_in(_IS_ENDING)):
        cancel(child, reason, grace)
    return run.record, follow


def lock_children(execution_id: str) -> None:
    """Lock the execution against starting children and cancellation until the running transaction ends."""
    database_of(Execution).lock(f"executions/children/{execution_id}")


_IS_ENDING = (states.CANCELLING, *sorted(states.TERMINAL))


# What is to be done, besides writing the state.

_NOT_AWAITED = "The run that started it does not wait for it any more."


def _enqueue(run: StoredRun, command: commands.Enqueue, delay: float) -> None:
    """A run's turn is its initiator's doing, and of the request that started it, not of one that continues it."""
    with acting_as(states.initiator_of(run.record), run.record.request_id):
        queue(run.record, command.job, delay)


def _open_wait(run: StoredRun, command: commands.OpenWait, _: float) -> None:
    if command.wait.kind == "admission":
        slots.ask(run, command.wait.correlation)


def _close_wait(run: StoredRun, command: commands.CloseWait, _: float) -> None:
    if command.wait.kind == "admission":
        slots.release(run, command.wait.correlation)
    if command.wait.kind == "child" and (child := find_or_none(Execution, command.wait.correlation)) is not None:
        cancel(child, run.record.cancel_reason or _NOT_AWAITED, run.state.grace)


def _notify(run: StoredRun, command: commands.Notify, _: float) -> None:
    arrivals.send(command.parent, "child", run.record.id, key=run.record.id, status=command.outcome.status)


def _release(run: StoredRun, command: commands.Release, _: float) -> None:
    slots.release(run, command.ticket)


_CARRY_OUT: Mapping[type, Callable[[StoredRun, Any, float], None]] = {
    commands.Enqueue: _enqueue,
    commands.OpenWait: _open_wait,
    commands.CloseWait: _close_wait,
    commands.Release: _release,
    commands.Notify: _notify,
}


def is_rejected(follow: Sequence[Command]) -> bool:
    """Whether the last event changed nothing."""
    return bool(follow) and isinstance(follow[-1], Reject)
