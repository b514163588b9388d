"""Versions, labels and evaluations say in `created_by` who made them, as everything else does."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (
    ("rubrics_version", "author_id", "created_by"),
    ("rubrics_label", "author_id", "created_by"),
    ("rubrics_evaluation", "author_id", "created_by"),
)


def up(migrator: Any, db: Any) -> None:
    """Rename the columns."""
    renaming.rename_columns(db, _RENAMED)


def down(migrator: Any, db: Any) -> None:
    """Give them their former names again."""
    renaming.restore_columns(db, _RENAMED)
