"""Lines of logs say when in `occurred_at`, and runs what is still there of them in `retained`."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (("executions_log", "at", "occurred_at"), ("executions_execution", "kept", "retained"))


def up(migrator: Any, db: Any) -> None:
    """Rename the columns."""
    renaming.rename_columns(db, _RENAMED)


def down(migrator: Any, db: Any) -> None:
    """Give them their former names again."""
    renaming.restore_columns(db, _RENAMED)
