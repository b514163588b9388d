"""How it stands with a run, besides what only its own turn changes: was it ended, is its agent halted, what does its organization want."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from peewee import JOIN

from aasim_core.access import pulse
from aasim_core.access.records import Organization
from aasim_core.data.records import database_of, to_record
from aasim_core.data.statements import Bind

from ..agents.models import Agent
from .models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App


class Standing(NamedTuple):
    """The execution's status (None: it is gone), and since when its agent is halted."""

    status: str | None
    halted_at: str | None


def standing_of(execution_id: str) -> Standing:
    """How it stands now."""
    row = _read("standing", execution_id, [Execution.status])
    return Standing(None, None) if row is None else Standing(*row)


def begin(app: "App", execution_id: str) -> tuple[Execution, str | None, Mapping[str, Any]] | None:
    """The execution, since when its agent is halted, and what its organization has settled, in one read; None where it is gone.

    How it stands with the organization is told to the app's pulse, so that nothing older is gone by in the turn that begins.
    """
    fields = Execution._meta.sorted_fields
    row = _read("turn", execution_id, fields, [Organization.settings, *pulse.FACTS])
    if row is None:
        return None
    values, (settings, *facts, halted_at) = row[: len(fields)], row[len(fields) :]
    execution = to_record(Execution, {field.name: value for field, value in zip(fields, values, strict=True)})
    app.pulse.tell(execution.organization_id, pulse.beat_of(*facts))
    return execution, halted_at, orjson.loads(settings)


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
