"""Which runs are over, where the plugin that runs agents is on."""

from collections.abc import Collection

from ..executions import states
from ..executions.models import Execution


def over(execution_ids: Collection[str]) -> set[str]:
    """Those of the executions, of whatever organization is in scope, that are over or gone."""
    found = Execution.select(Execution.id).where(
        Execution.id.in_(list(execution_ids)), Execution.status.not_in(sorted(states.TERMINAL))
    )
    return set(execution_ids) - {execution.id for execution in found}
