"""The events that are not sealed yet have an index whose order no other has: no plan goes through the sealed ones to find them."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make the index anew."""
    _make(db, "(organization_id, sequence, id)")


def down(migrator: Any, db: Any) -> None:
    """Make the one that was there before."""
    _make(db, "(organization_id, id)")


def _make(db: Any, columns: str) -> None:
    db.execute_sql("DROP INDEX core_event_unsealed")
    db.execute_sql(f"CREATE INDEX core_event_unsealed ON core_event {columns} WHERE sequence IS NULL")
