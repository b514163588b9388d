"""Find out whether a run has had effects outside that a new run would repeat."""

from ..models import DENIED, PROPOSED, WAITING, Execution, ToolCall

#: Calls that were never made.
_NOT_MADE = (PROPOSED, WAITING, DENIED)


def has_any(execution: Execution) -> bool:
    """Whether the run, or a run that it started, has called a tool that does more than read."""
    runs = [execution.id]
    while runs:
        made = ToolCall.execution_id.in_(runs) & ToolCall.status.not_in(_NOT_MADE)
        changes = ToolCall.effect.is_null() | (ToolCall.effect != "read")
        if ToolCall.select(ToolCall.id).where(made, changes).exists():
            return True
        runs = [child.id for child in Execution.select(Execution.id).where(Execution.parent_id.in_(runs))]
    return False
