"""How it stands with a run, besides what only its own turn changes: was it ended, is its agent halted, what does its organization want."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from peewee import JOIN

from aasim_core.access import pulse
from aasim_core.access.records import Organization
from aasim_core.data.records import Readback, database_of, row_of, to_record
from aasim_core.data.statements import Bind

from ..agents.models import Agent
from .models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App


_OF_ORGANIZATION = (Organization.settings, *pulse.FACTS)


class Standing(NamedTuple):
    """The execution's status (None: it is gone), and since when its agent is halted."""

    status: str | None
    halted_at: str | None


def standing_of(execution_id: str) -> Standing:
    """How it stands now."""
    row = _read("standing", execution_id, [Execution.status])
    return Standing(None, None) if row is None else Standing(*row)


class Turn(NamedTuple):
    """The execution at the beginning of a turn, since when its agent is halted, and what its organization has settled."""

    execution: Execution
    halted_at: str | None
    settled: Mapping[str, Any]


def read_turn(app: "App", execution_id: str) -> Turn | None:
    """The turn that begins, in one read; None where the execution is gone."""
    row = _read("turn", execution_id, Execution._meta.sorted_fields, _OF_ORGANIZATION)
    return None if row is None else turn_of(app, row)


def turn_readback(tell: Callable[[Sequence[Any]], object]) -> Readback:
    """What a change of an execution reads by the way: the turn that begins with it, as `turn_of` takes it."""
    return Readback("turn", _columns_of_turn, tell)


def turn_of(app: "App", row: Sequence[Any]) -> Turn:
    """What was read. How it stands with the organization is told to the app's pulse, so that nothing older is gone by in the turn."""
    width = len(Execution._meta.sorted_fields)
    settings, *facts, halted_at = row[width:]
    execution = to_record(Execution, row_of(Execution, row[:width]))
    app.pulse.tell(execution.organization_id, pulse.beat_of(*facts))
    return Turn(execution, halted_at, orjson.loads(settings))


def _columns_of_turn() -> list[Any]:
    """The same columns, each found for itself: SQLite returns nothing of another table that an UPDATE joins."""
    organization = [
        Organization.select(column).where(Organization.id == Execution.organization_id) for column in _OF_ORGANIZATION
    ]
    return [*Execution._meta.sorted_fields, *organization, Agent.select(Agent.halted_at).where(Agent.id == Execution.agent_id)]


def _read(key: str, execution_id: str, columns: Sequence[Any], of_organization: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    """These columns of the execution, those of its organization, and since when its agent is halted."""
    database = database_of(Execution)

    def build() -> Any:
        query = Execution.select(*columns, *of_organization, Agent.halted_at)
        query = query.join(Agent, JOIN.LEFT_OUTER, on=(Agent.id == Execution.agent_id))
        if of_organization:
            query = query.join_from(Execution, Organization, on=(Organization.id == Execution.organization_id))
        return query.where(Execution.id == Bind("id"))

    row: tuple[Any, ...] | None = database.statement(("executions", key), build).run(database, {"id": execution_id}).fetchone()
    return row
