"""Data of scored runs, if the plugin executions is enabled."""

from dataclasses import dataclass
from typing import Any

from aasim_core.data import records

from ..executions.hookspecs import Keeper
from ..executions.models import Execution
from . import labels


def keeper() -> Keeper:
    """Scores are retained as long as their runs; their quotations, as long as the runs' contents."""
    return Keeper("rubrics", empty=labels.empty, forget=labels.forget)


def origin_of(execution: Execution, evaluation_id: str | None = None) -> labels.Origin:
    """The data about a run with scored results."""
    return labels.Origin(execution.id, execution.subject_id, execution.subject_version, execution.project_id, evaluation_id)


@dataclass(frozen=True)
class Ended:
    """A run that is over: with an output, or why it has none."""

    execution: Execution | None
    error: dict[str, Any] | None = None


def ended(execution_id: str) -> Ended | None:
    """The run, if it is over; one that is not there any more is."""
    execution: Execution | None = records.find_or_none(Execution, execution_id)
    if execution is None:
        return Ended(None, {"code": "not_found", "message": "The run is not there any more."})
    if execution.finished_at is None:
        return None
    if execution.status == "succeeded":
        return Ended(execution)
    error = execution.error or {"code": execution.status, "message": f"The run was {execution.status.replace('_', ' ')}."}
    return Ended(execution, {name: error[name] for name in ("code", "message")})
