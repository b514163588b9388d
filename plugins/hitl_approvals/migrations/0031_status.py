"""Policies have a `status`."""

from typing import Any

from aasim_core.data.migrator import renaming


def up(migrator: Any, db: Any) -> None:
    """Replace the boolean."""
    renaming.status_for(db, "hitl_approvals_policy", "active")


def down(migrator: Any, db: Any) -> None:
    """Have it again."""
    renaming.boolean_for(db, "hitl_approvals_policy", "active")
