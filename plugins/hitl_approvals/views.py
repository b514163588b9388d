"""Approvals as responses show them: with the agent's name at the start of its run, and the user who started it."""

from collections.abc import Mapping
from typing import Any

import orjson

from aasim_core.data.views import View
from aasim_core.lists.render_plan import Derived, ObjectOf
from aasim_core.tenancy.records import User

from ..executions.models import Execution
from .models import Approval

_NAMES = {"agent_name": Execution.label, "initiator_label": User.name}
_JOINS = ((Execution, Execution.id == Approval.execution_id), (User, User.id == Approval.initiator_id))
VIEW = View(Approval, _NAMES, _JOINS, joins_late=True)
#: The same of what waits for somebody, which is little: SQLite would go over all approvals for a page of it.
INBOX = View(Approval, _NAMES, _JOINS)


def _named(field: str, id_column: str, name_column: str) -> Derived:
    """``{id, <field>}``, null where there is no id."""

    def make(row: Mapping[str, Any]) -> Any:
        return None if row[id_column] is None else {"id": row[id_column], field: row[name_column]}

    return Derived((id_column, name_column), make)


def _proposed(part: str) -> Derived:
    """A part of the action before all edits."""

    def make(row: Mapping[str, Any]) -> Any:
        return None if row["proposed"] is None else orjson.loads(row["proposed"]).get(part)

    return Derived(("proposed",), make)


#: What answers have of an approval that no column holds as it is.
DERIVED: Mapping[str, Derived] = {
    "subject": ObjectOf({name: name for name in ("execution_id", "step", "path", "tool")}),
    "agent": _named("name", "agent_id", "agent_name"),
    "initiator": _named("label", "initiator_id", "initiator_label"),
    "proposed_arguments": _proposed("arguments"),
    "proposed_output": _proposed("output"),
    "proposed_payload": _proposed("payload"),
}
