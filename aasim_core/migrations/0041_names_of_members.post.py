"""Memberships that older code has written, and accounts that it has renamed, meanwhile."""

from importlib import import_module
from typing import Any

_FILL = import_module("aasim_core.migrations.0040_names_of_members").FILL


def up(migrator: Any, db: Any) -> None:
    """Fill in what members are called again."""
    db.execute_sql(_FILL)


def down(migrator: Any, db: Any) -> None:
    """There is nothing to undo."""
