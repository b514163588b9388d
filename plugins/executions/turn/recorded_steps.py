"""The steps that earlier turns of a run recorded."""

from typing import Any

from aasim_core.data.compiled import compiled
from aasim_core.data.records import row_of, to_record
from aasim_core.data.statements import Bind

from ..models import Step


def recorded_steps(execution_id: str) -> dict[int, Step]:
    """The recorded steps of an execution, by their numbers."""
    found = [to_record(Step, row_of(Step, values)) for values in _steps_of.all(execution_id=execution_id)]
    return {step.number: step for step in found}


@compiled(Step)
def _steps_of() -> Any:
    return Step.select(*Step._meta.sorted_fields).where(Step.execution_id == Bind("execution_id"))
