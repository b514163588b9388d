"""The rows that hold a run's state: columns of its record, a row for each open wait, and one for each arrival."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from aasim_core.clock import from_text, now
from aasim_core.data.compiled import compiled
from aasim_core.data.records import insert_rows
from aasim_core.data.statements import Bind

from ..kernel.state import RUN, Arrival, Ending, Outcome, Slot, State, Step, Wait, WaitKind
from ..models import ArrivalRow, Execution, WaitRow
from .topics import topic_of

#: The name that clients see of a wait, by its kind.
WAITING_FOR: Mapping[WaitKind, str] = {
    "approval": "approval", "timer": "time", "child": "execution", "event": "event", "signal": "signal", "input": "input",
    "admission": "admission", "missing": "missing",
}  # fmt: skip
_KINDS = {name: kind for kind, name in WAITING_FOR.items()}


def milliseconds(moment: datetime | None) -> int | None:
    """The moment as the kernel counts: milliseconds since 1970."""
    return None if moment is None else round(moment.timestamp() * 1000)


def moment_of(at: int | None) -> datetime | None:
    """The moment that the kernel counts so."""
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC)


def present() -> int:
    """Now."""
    return round(now().timestamp() * 1000)


def state_of(record: Execution, *, with_outcomes: bool) -> State:
    """The state that the record and its other rows hold; `with_outcomes` also of the waits that are over, which only a turn needs."""
    waits = {row[0]: _wait_of(*row[1:]) for row in _open_waits.all(run=record.id)}
    return state_without_rows(record)._replace(
        waits=waits or _former_wait(record),
        arrivals=tuple(_arrival_of(*row) for row in _kept.all(run=record.id)),
        steps=_outcomes(record) if with_outcomes else {},
    )


def state_without_rows(record: Any) -> State:
    """The state of a run that has no rows besides its record, since it has just begun."""
    return State(
        id=record.id,
        status=record.status,
        job=record.job,
        turn=record.turn,
        parent=record.parent_id,
        slot=record.slot and Slot(record.slot["key"], record.slot["hold"]),
        ticket=record.ticket,
        deadline=milliseconds(record.deadline_at),
        ending=_ending_of(record),
        stop_by=milliseconds(record.stop_by) or 0,
        is_paused=record.is_paused,
        is_woken=record.is_woken,
    )


@compiled(WaitRow)
def _open_waits() -> Any:
    columns = WaitRow.path, WaitRow.kind, WaitRow.correlation, WaitRow.since, WaitRow.deadline, WaitRow.fails_run
    return WaitRow.select(*columns).where(WaitRow.execution_id == Bind("run"))


_ARRIVED = ArrivalRow.key, ArrivalRow.kind, ArrivalRow.correlation, ArrivalRow.occurred_at, ArrivalRow.status


@compiled(ArrivalRow)
def _kept() -> Any:
    """What has been delivered, and no wait has had yet."""
    kept = ArrivalRow.select(*_ARRIVED).where(ArrivalRow.execution_id == Bind("run"), ArrivalRow.is_delivered)
    return kept.where(ArrivalRow.path.is_null()).order_by(ArrivalRow.occurred_at, ArrivalRow.key)


@compiled(ArrivalRow)
def _over() -> Any:
    """What has ended waits."""
    over = ArrivalRow.select(ArrivalRow.path, ArrivalRow.status, ArrivalRow.key).where(ArrivalRow.execution_id == Bind("run"))
    over = over.where(ArrivalRow.is_delivered, ArrivalRow.path.is_null(False), ArrivalRow.path != RUN)
    return over.order_by(ArrivalRow.occurred_at, ArrivalRow.key)


def _outcomes(record: Execution) -> dict[str, Step]:
    return {path: Step("ended", 1, 0, Outcome(status, key)) for path, status, key in _over.all(run=record.id)}


def _ending_of(record: Execution) -> Outcome | None:
    """How the run is to end. The release before this one knew only cancelling, and wrote no more than the status."""
    if record.status != "cancelling":
        return None
    return Outcome(record.ending or "cancelled")  # type: ignore[arg-type]


def _former_wait(record: Execution) -> dict[str, Wait]:
    """The wait of a run that the release before this one made wait."""
    if record.waiting_for is None:
        return {}
    return {RUN: Wait(_KINDS[record.waiting_for], record.approval_id or "")}


def _as_it_is(value: Any) -> Any:
    return value


#: The fields of a state that columns of the record hold: their columns, and what makes the columns' values.
_COLUMNS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "status": ("status", _as_it_is),
    "job": ("job", _as_it_is),
    "turn": ("turn", _as_it_is),
    "deadline": ("deadline_at", moment_of),
    "ending": ("ending", lambda ending: ending and ending.status),
    "stop_by": ("stop_by", moment_of),
    "is_paused": ("is_paused", _as_it_is),
    "is_woken": ("is_woken", _as_it_is),
    "ticket": ("ticket", _as_it_is),
}


_fields_of = attrgetter(*_COLUMNS)


def difference(before: State, after: State) -> dict[str, Any]:
    """The record's columns that differ between two states of the run."""
    fields = zip(_COLUMNS.values(), _fields_of(before), _fields_of(after), strict=True)
    changed = {column: value_of(new) for (column, value_of), old, new in fields if new != old}
    if (before.waits or after.waits) and (before.status != after.status or before.waits != after.waits):
        changed |= _told_of_waits(before, after)
    return changed


def _told_of_waits(before: State, after: State) -> dict[str, Any]:
    """What the run waits for, as clients see it: its admission, or else the first wait."""
    (told, approval), former = _first_wait(after), _first_wait(before)
    return {} if (told, approval) == former else {"waiting_for": told, "approval_id": approval}


def _first_wait(state: State) -> tuple[str | None, str | None]:
    if (request := state.waits.get(RUN)) is not None and request.kind == "admission":
        return WAITING_FOR["admission"], None
    if not state.waits or state.status not in ("waiting", "paused", "blocked"):
        return None, None
    wait = next(iter(state.waits.values()))
    return WAITING_FOR[wait.kind], wait.correlation or None if wait.kind == "approval" else None


def write_waits(record: Execution, before: State, after: State, delivered: Sequence[str]) -> None:
    """Write the difference between the waits of two states of the run, what became of its arrivals, and the outcomes of waits."""
    if before.waits == after.waits and before.steps == after.steps and not (delivered or before.arrivals):
        return
    _write_open_waits(record, before, after)
    outcomes = {path: step.outcome for path, step in after.steps.items() if step.outcome and before.steps.get(path) != step}
    for path, outcome in outcomes.items():
        _write_outcome(record, path, outcome)
    kept = {arrival.key for arrival in after.arrivals} | {outcome.ref for outcome in outcomes.values()}
    if taken := {*delivered, *(arrival.key for arrival in before.arrivals)} - kept:  # by the run as a whole
        _mark(record, taken, path=RUN)


def _write_open_waits(record: Execution, before: State, after: State) -> None:
    if over := [path for path, wait in before.waits.items() if after.waits.get(path) != wait]:
        WaitRow.delete().where(WaitRow.execution_id == record.id, WaitRow.path.in_(over)).execute()
    opened = [(path, wait) for path, wait in after.waits.items() if before.waits.get(path) != wait]
    insert_rows(WaitRow, [_row_of(record, path, wait) for path, wait in opened])


def _write_outcome(record: Execution, path: str, outcome: Outcome) -> None:
    """Write which arrival ended the wait of the path, or that its time did."""
    if outcome.ref is not None:
        _ended_by.later(execution_id=record.id, key=outcome.ref, path=path)
        return
    ArrivalRow.insert(
        organization_id=record.organization_id,
        execution_id=record.id,
        key=f"time of {path}",
        kind="timer",
        correlation="",
        occurred_at=now(),
        status=outcome.status,
        is_delivered=True,
        path=path,
    ).execute()


@compiled(ArrivalRow)
def _ended_by() -> Any:
    named = ArrivalRow.update(path=Bind("path"))
    return named.where(ArrivalRow.execution_id == Bind("execution_id"), ArrivalRow.key == Bind("key"))


def _row_of(record: Execution, path: str, wait: Wait) -> dict[str, Any]:
    return WaitRow(
        organization_id=record.organization_id,
        execution_id=record.id,
        path=path,
        kind=wait.kind,
        correlation=wait.correlation,
        topic=topic_of(wait.correlation) if wait.kind == "event" else None,
        root_id=record.root_id if wait.kind == "approval" else None,
        since=moment_of(wait.since),
        deadline=moment_of(wait.deadline),
        fails_run=wait.fails_run,
    ).row()


def _wait_of(kind: WaitKind, correlation: str, since: str, deadline: str | None, fails_run: Any) -> Wait:
    """The wait that a row holds, in the database's form."""
    return Wait(kind, correlation, _at(since) or 0, _at(deadline), bool(fails_run))


def _at(text: str | None) -> int | None:
    return None if text is None else milliseconds(from_text(text))


def undelivered(record: Execution) -> list[Arrival]:
    """What has come for the run and was not delivered yet, the oldest first."""
    return [_arrival_of(*row) for row in _undelivered.all(run=record.id)]


@compiled(ArrivalRow)
def _undelivered() -> Any:
    new = ArrivalRow.select(*_ARRIVED).where(ArrivalRow.execution_id == Bind("run"), ~ArrivalRow.is_delivered)
    return new.order_by(ArrivalRow.occurred_at, ArrivalRow.key)


def mark_delivered(record: Execution, delivered: Sequence[Arrival]) -> None:
    """Note that these have been delivered."""
    _mark(record, [arrival.key for arrival in delivered], is_delivered=True)


def forget(record: Execution, paths: Collection[str]) -> None:
    """Forget what ended the waits of these paths; of what others sent it is kept that it came, so that it is not taken twice."""
    mine = (ArrivalRow.execution_id == record.id) & ArrivalRow.path.in_(list(paths))
    ArrivalRow.update(path=RUN).where(mine, ArrivalRow.kind.in_(("signal", "event"))).execute()
    ArrivalRow.delete().where(mine).execute()


def _mark(record: Execution, keys: Collection[str], **values: Any) -> None:
    mine = (ArrivalRow.execution_id == record.id) & ArrivalRow.key.in_(list(keys))
    ArrivalRow.update(**values).where(mine).execute()


def _arrival_of(key: str, kind: WaitKind, correlation: str, occurred_at: str, status: Ending) -> Arrival:
    """The arrival that a row holds, in the database's form; its reference is its key."""
    return Arrival(key, kind, correlation, _at(occurred_at) or 0, Outcome(status, key))
