"""The waits of a run in its turn: each is opened once and closed once, and the turn ends where it must wait."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aasim_core.data.records import find_or_none
from aasim_core.errors import Refused

from .. import paths
from ..kernel.events import WaitRegistered, WaitWithdrawn
from ..kernel.state import Ending, Wait, WaitKind
from ..models import ArrivalRow, Execution
from . import awaited_events, topics
from .rows import milliseconds
from .stored_run import StoredRun, is_rejected
from .turn_ends import CancelRequested, RunFailed, RunLater, RunWaits

__all__ = ["Arrived", "Settled", "Wait", "Waits", "for_child", "for_event", "for_signal", "signal_of", "until"]

_MOST = 5_000


@dataclass(frozen=True)
class Arrived:
    """How a wait has ended, and what came: the data of a signal, the output of an execution."""

    status: Ending
    data: Any = None


@dataclass(frozen=True)
class Settled:
    """A wait that has ended: `reference` is what ended it, the id of the child that it waited for, and `data` what came with that."""

    path: str
    kind: WaitKind
    status: Ending
    reference: str
    data: Any


def until(moment: datetime) -> Wait:
    """Waiting for a time."""
    return Wait("timer", deadline=milliseconds(moment))


def for_child(execution_id: str, deadline: datetime | None = None) -> Wait:
    """Waiting for the end of a run that was started; it is cancelled at the deadline."""
    return Wait("child", execution_id, deadline=milliseconds(deadline))


def for_signal(name: str, correlation: str = "", deadline: datetime | None = None) -> Wait:
    """Waiting for a signal."""
    return Wait("signal", signal_of(name, correlation), deadline=milliseconds(deadline))


def for_event(
    pattern: str,
    subject_id: str | None,
    since: datetime,
    deadline: datetime | None = None,
    filter_: str | None = None,
    named: Mapping[str, Any] | None = None,
) -> Wait:
    """Waiting for an event of that name, or of a pattern such as ``teams.*``, from `since` on; about that subject, if one is named.

    The filter is an expression over the ``event`` and the values `named`. ValueError, with a sentence for people, where all that is too
    long.
    """
    correlation = topics.correlation_of(pattern, subject_id, filter_, named)
    return Wait("event", correlation, milliseconds(since) or 0, milliseconds(deadline))


class Waiting(Protocol):
    """The run that waits, see `DurableRun`: its `turn` is the number of the turn that it is in."""

    stored: StoredRun
    turn: int

    @property
    def execution(self) -> Execution: ...

    def effect(self, write: Callable[[], object]) -> None: ...


class Waits:
    """The waits of a run; `ended_at` is when the last one ended whose outcome it has asked for."""

    def __init__(self, run: Waiting) -> None:
        self._run = run
        self.ended_at: datetime | None = None

    def sleep_until(self, path: str, moment: datetime) -> None:
        """See `Run.sleep_until`."""
        self._open(path, lambda: until(moment))
        self._outcome(path)

    def signal(self, path: str, name: str, correlation: str, deadline: datetime | None) -> Arrived:
        """See `Run.wait_for_signal`."""
        self._open(path, lambda: for_signal(name, correlation, deadline))
        row = self._outcome(path)
        return Arrived(row.status, row.data)

    def event(self, path: str, name: str, subject_id: str | None, since: datetime | None, deadline: datetime | None) -> Arrived:
        """See `Run.wait_for_event`."""
        self._open(path, lambda: for_event(name, subject_id, since or self._run.execution.created_at, deadline))
        row = self._outcome(path)
        return Arrived(row.status, row.data)

    def child(self, path: str, start: Callable[[Execution], Execution]) -> Callable[[], Arrived]:
        """See `Run.child`."""
        self._open(path, lambda: for_child(self._started(start).id))
        return lambda: self._child_of(path)

    def _started(self, start: Callable[[Execution], Execution]) -> Execution:
        """The child; where it may not begin, the run fails as it would have, and looks again later where it has only to wait."""
        try:
            return start(self._run.execution)
        except Refused as refused:
            if refused.retry_after is not None:
                raise RunLater(refused.retry_after, refused.message) from refused
            raise RunFailed.by(refused) from refused

    def _child_of(self, path: str) -> Arrived:
        row = self._outcome(path)
        child: Execution | None = find_or_none(Execution, row.key)
        return Arrived(row.status, child and child.output)

    # For runners with several waits at once, which receive those that have ended.

    def open(self, waits: Mapping[str, Wait]) -> None:
        """Open the waits of these paths, in the running transaction of `Run.effect`; raises `CancelRequested`."""
        for path, wait in waits.items():
            if wait.kind == "event":
                awaited_events.open_wait(self._run.execution.id, path)
        opened = [WaitRegistered(self._run.turn, path, wait) for path, wait in waits.items()]
        if opened and is_rejected(self._stored.apply(*opened)):
            raise CancelRequested

    def close(self, paths: Collection[str]) -> None:
        """Let these paths wait no more, in the running transaction; a child that one waits for is cancelled."""
        if paths:
            self._stored.apply(*(WaitWithdrawn(self._run.turn, path) for path in paths))

    @property
    def open_paths(self) -> Collection[str]:
        """The paths that wait."""
        return self._stored.state.waits.keys()

    def settled(self) -> Sequence[Settled]:
        """What has ended, and was not forgotten yet, the oldest first."""
        if not self._stored.state.steps:
            return ()
        told: Any = ArrivalRow.select(ArrivalRow.path, ArrivalRow.kind, ArrivalRow.status, ArrivalRow.key, ArrivalRow.data)
        mine = (ArrivalRow.execution_id == self._run.execution.id, ArrivalRow.path.in_(list(self._stored.state.steps)))
        return [Settled(*row) for row in told.where(*mine).order_by(ArrivalRow.occurred_at, ArrivalRow.key).tuples()]

    def forget(self, paths: Collection[str]) -> None:
        """Forget how these waits have ended, in the running transaction, so that their paths can wait again."""
        self._stored.forget(paths)

    def _open(self, path: str, make: Callable[[], Wait]) -> None:
        """Open the wait, unless it was opened before; what makes it is written together with it."""
        state = self._stored.state
        if path in state.steps or path in state.waits:
            return
        _refuse(path, len(state.steps) + len(state.waits))
        self._run.effect(lambda: self._register(path, make()))

    def _register(self, path: str, wait: Wait) -> None:
        self.open({path: wait})

    def _outcome(self, path: str) -> Any:
        """What ended the wait of the path; ends the turn as long as nothing has."""
        if path not in self._stored.state.steps:
            raise RunWaits
        row = ArrivalRow.select().where(ArrivalRow.execution_id == self._run.execution.id, ArrivalRow.path == path).get()
        self.ended_at = max(row.occurred_at, self.ended_at or row.occurred_at)
        return row

    @property
    def _stored(self) -> StoredRun:
        return self._run.stored


def signal_of(name: str, correlation: str) -> str:
    """What a signal and the wait for it have in common."""
    return f"{name}/{correlation}" if correlation else name


def _refuse(path: str, count: int) -> None:
    try:
        paths.parse(path)
    except paths.BadPath as error:
        raise RunFailed("bad_path", str(error)) from error
    if count >= _MOST:
        raise RunFailed("too_many_waits", f"A run waits for at most {_MOST} things.")
