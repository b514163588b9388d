"""The status of a run that others change during its turn: cancelled, halted, and the organization's settings."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from peewee import SQL

from aasim_core.data.compiled import compiled
from aasim_core.data.records import Returning, row_of, to_record
from aasim_core.data.statements import Bind
from aasim_core.tenancy import organization_state
from aasim_core.tenancy.records import Organization

from ..models import Execution
from ..shell import rows
from ..shell.stored_run import StoredRun

if TYPE_CHECKING:
    from aasim_core.app import App


_OF_ORGANIZATION = (Organization.settings, *organization_state.FACTS)
#: Since when what an execution runs is halted: a query for its row, as its `Runner` has it; None is never.
HaltedSince = Callable[[], Any] | None


class RunStatus(NamedTuple):
    """The execution's status (None: it is gone), whether it is to be paused, and since when what it runs is halted."""

    status: str | None
    is_paused: bool
    halted_at: str | None


def status_of(execution_id: str, halted_since: HaltedSince) -> RunStatus:
    """The status now."""
    row = _status.one(halted_since, id=execution_id)
    return RunStatus(None, False, None) if row is None else RunStatus(*row)


class Turn(NamedTuple):
    """The run at the beginning of a turn, and the settings of its organization; `status` is the run's if it has just begun."""

    stored: StoredRun
    settled: Mapping[str, Any]
    status: RunStatus | None = None


def read_turn(app: "App", execution_id: str) -> Turn | None:
    """The turn that begins, in one read; None where the execution is gone."""
    row = _turn.one(id=execution_id)
    if row is None:
        return None
    execution, settled = _read(app, row)
    return Turn(StoredRun.of(execution, in_turn=True), settled)


def returning_of_first_turn(halted_since: HaltedSince, tell: Callable[[Sequence[Any]], object]) -> Returning:
    """What the change that begins a run reads by the way: its first turn, as `first_turn_of` takes it."""
    return Returning(partial(_columns_of_first_turn, halted_since), tell)


def first_turn_of(app: "App", row: Sequence[Any]) -> Turn:
    """The first turn of a run, from what was read."""
    execution, settled = _read(app, row[:-1])
    stored = StoredRun(execution, rows.state_without_rows(execution), in_turn=True)
    return Turn(stored, settled, RunStatus(execution.status, execution.is_paused, row[-1]))


def _read(app: "App", row: Sequence[Any]) -> tuple[Execution, Mapping[str, Any]]:
    """Return the state that was read. The organization's state is stored in the app's cache, so that the turn uses nothing older."""
    width = len(Execution._meta.sorted_fields)
    settings, *facts = row[width:]
    execution = to_record(Execution, row_of(Execution, row[:width]))
    app.organization_states.note(execution.organization_id, organization_state.state_of(*facts))
    return execution, orjson.loads(settings)


def _columns_of_first_turn(halted_since: HaltedSince) -> list[Any]:
    """The same columns, each found for itself: SQLite returns nothing of another table that an UPDATE joins."""
    organization = [
        Organization.select(column).where(Organization.id == Execution.organization_id) for column in _OF_ORGANIZATION
    ]
    return [*Execution._meta.sorted_fields, *organization, _halted_at(halted_since)]


@compiled(Execution)
def _status(halted_since: HaltedSince) -> Any:
    return Execution.select(Execution.status, Execution.is_paused, _halted_at(halted_since)).where(Execution.id == Bind("id"))


def _halted_at(halted_since: HaltedSince) -> Any:
    return SQL("NULL") if halted_since is None else halted_since()


@compiled(Execution)
def _turn() -> Any:
    """The whole execution, and what matters of its organization."""
    query = Execution.select(*Execution._meta.sorted_fields, *_OF_ORGANIZATION)
    query = query.join_from(Execution, Organization, on=(Organization.id == Execution.organization_id))
    return query.where(Execution.id == Bind("id"))
