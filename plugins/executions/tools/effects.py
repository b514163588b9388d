"""The effects of a run outside: the idempotency keys by which services know them, and whether there were any.

A key is made of what identifies the run and of the call, so that it is the same on each attempt. What identifies a run is the key of its
start, such as a flow and its due time; of a run that another one starts, the call that starts it; and else its id. So whatever does the
same due time again, such as a copy of the installation, sends the same keys, and a retry or a rerun sends others.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from aasim_core.text.json import to_json

from ..models import DENIED, PROPOSED, WAITING, Execution, ToolCall

#: Calls that were never made.
_NOT_MADE = (PROPOSED, WAITING, DENIED)
_LENGTH = 32


def identity_of(execution: Execution) -> str:
    """What the keys of the run's effects begin with."""
    return execution.effects_as or str(execution.id)


def identity_of_child(key: str, attempt: int) -> str:
    """The same of a run that the attempt, from 1, at the call of that key starts."""
    return sha256(f"{key} {attempt}".encode()).hexdigest()[:_LENGTH]


def key_of_call(execution: Execution, row: ToolCall, ref: str, arguments: Mapping[str, Any]) -> str:
    """The key of a call that a model has proposed, which may propose another one when it is asked again."""
    if execution.effects_as is None:
        return f"{execution.id}:{row.id}"
    asked = sha256(to_json([ref, arguments], sort_keys=True)).hexdigest()[:_LENGTH]
    return f"{execution.effects_as}:{row.turn}.{row.position}.{asked}"


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
