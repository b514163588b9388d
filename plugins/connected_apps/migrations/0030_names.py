"""Uses say in `duration_ms` how long they took, and the last error of an app in `occurred_at` when it was."""

from typing import Any

from aasim_core.data.migrator import renaming

_RENAMED = (("connected_apps_use", "ms", "duration_ms"),)
_MEMBERS = {"at": "occurred_at"}


def up(migrator: Any, db: Any) -> None:
    """Rename the column, and the member of errors."""
    renaming.rename_columns(db, _RENAMED)
    _rewrite(db, _MEMBERS)


def down(migrator: Any, db: Any) -> None:
    """Give both their former name again."""
    renaming.restore_columns(db, _RENAMED)
    _rewrite(db, renaming.inverted(_MEMBERS))


def _rewrite(db: Any, names: dict[str, str]) -> None:
    renaming.rewrite_json(db, "connected_apps_app", "last_error", lambda value: renaming.with_names(value, names))
