"""The runs that were there have their subjects, too. Each batch is a transaction: one that was interrupted goes on where it was."""

from typing import Any

import peewee

atomic = False

_BATCH = 1_000
_COLUMNS = (
    "id", "subject_type", "subject_id", "subject_version", "agent_id", "agent_version", "workflow_id", "workflow_version",
)  # fmt: skip


def up(migrator: Any, db: Any) -> None:
    """Fill the columns of those that have none, by their ids."""
    runs: Any = peewee.Table("executions_execution", _COLUMNS, _database=db)
    missing = runs.subject_id.is_null() & (runs.agent_id.is_null(False) | runs.workflow_id.is_null(False))
    after = ""
    while batch := list(runs.select(runs.id).where(runs.id > after, missing).order_by(runs.id).limit(_BATCH).tuples()):
        before, after = after, batch[-1][0]
        with db.transaction():
            runs.update(_values(runs)).where(runs.id > before, runs.id <= after, missing).execute()


def down(migrator: Any, db: Any) -> None:
    """There is nothing to undo."""


def _values(runs: Any) -> dict[Any, Any]:
    return {
        runs.subject_type: peewee.Case(None, [(runs.agent_id.is_null(), "workflow")], "agent"),
        runs.subject_id: peewee.fn.COALESCE(runs.agent_id, runs.workflow_id),
        runs.subject_version: peewee.fn.COALESCE(runs.agent_version, runs.workflow_version),
    }
