"""Departments have a `cost_center`."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (("departments_department", "cost_centre", "cost_center"),)


def up(migrator: Any, db: Any) -> None:
    """Rename the column."""
    renaming.rename_columns(db, _RENAMED)


def down(migrator: Any, db: Any) -> None:
    """Give it its former name again."""
    renaming.restore_columns(db, _RENAMED)
