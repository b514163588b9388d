"""The steps of a run as rows of its journal: those that earlier turns recorded, and one that has just finished."""

from datetime import datetime
from typing import Any

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from ..log.logbook import Address
from ..models import FORMAT, Execution, Step


def recorded_steps(execution_id: str) -> dict[int, Step]:
    """The recorded steps of an execution, by their numbers."""
    return {step.number: step for step in _steps_of.records(execution_id=execution_id)}


@compiled(Step)
def _steps_of() -> Any:
    return Step.select().where(Step.execution_id == Bind("execution_id"))


def finished_step(execution: Execution, address: Address, name: str, result: Any, started: datetime, asked: str | None) -> Step:
    """The step that has finished now, which is not written."""
    return Step(
        organization_id=current_organization(), execution_id=execution.id, number=address.step, name=name, format=FORMAT,
        path=address.path, attempt=execution.attempt, asked=asked, result=result, started_at=started, finished_at=now(),
    )  # fmt: skip
