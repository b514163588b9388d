"""The steps that earlier turns of a run recorded."""

from typing import Any

from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from ..models import Step


def recorded_steps(execution_id: str) -> dict[int, Step]:
    """The recorded steps of an execution, by their numbers."""
    return {step.number: step for step in _steps_of.records(execution_id=execution_id)}


@compiled(Step)
def _steps_of() -> Any:
    return Step.select().where(Step.execution_id == Bind("execution_id"))
