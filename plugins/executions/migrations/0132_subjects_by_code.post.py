"""All code gives runs their subjects: the database need not, and runs are not found by their agents' own column any more."""

from importlib import import_module
from typing import Any

_SUBJECTS = import_module("aasim_plugins.executions.migrations.0130_subjects")
_FORMER = "execution_organization_id_agent_id_created_at_id"


def up(migrator: Any, db: Any) -> None:
    """Take away what fills the columns, and the former index."""
    _SUBJECTS.leave_to_code(db)
    db.execute_sql(f"DROP INDEX {_FORMER}")


def down(migrator: Any, db: Any) -> None:
    """Put both back."""
    db.execute_sql(f"CREATE INDEX {_FORMER} ON executions_execution (organization_id, agent_id, created_at, id)")
    _SUBJECTS.fill_by_itself(db)
