"""Budgets have a `status`, and the percents that they warn at in `warn_percents`."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (("budgets_budget", "warn_at", "warn_percents"),)


def up(migrator: Any, db: Any) -> None:
    """Rename the column, and replace the other one."""
    renaming.rename_columns(db, _RENAMED)
    renaming.status_for(db, "budgets_budget", "active")


def down(migrator: Any, db: Any) -> None:
    """Have both as they were."""
    renaming.boolean_for(db, "budgets_budget", "active")
    renaming.restore_columns(db, _RENAMED)
