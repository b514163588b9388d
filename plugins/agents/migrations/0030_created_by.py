"""Versions say in `created_by` who made them, as everything else does."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (("agents_version", "author_id", "created_by"),)


def up(migrator: Any, db: Any) -> None:
    """Rename the column."""
    renaming.rename_columns(db, _RENAMED)


def down(migrator: Any, db: Any) -> None:
    """Give it its former name again."""
    renaming.restore_columns(db, _RENAMED)
