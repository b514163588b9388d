"""Approvals name the step, or the workflow's node, that asks."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; of approvals that are there already it is not known."""
    db.execute_sql("ALTER TABLE hitl_approvals_approval ADD COLUMN path TEXT")


def down(migrator: Any, db: Any) -> None:
    """Forget it."""
    db.execute_sql("ALTER TABLE hitl_approvals_approval DROP COLUMN path")
