"""When a kept answer is over, since not all are kept equally long; what was kept before is over now."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Say when it ends instead of when it was made."""
    _rename(db, "created_at", "expires_at")


def down(migrator: Any, db: Any) -> None:
    """Say when it was made."""
    _rename(db, "expires_at", "created_at")


def _rename(db: Any, old: str, new: str) -> None:
    db.execute_sql(f"DROP INDEX core_idempotency_{old}")
    db.execute_sql(f"ALTER TABLE core_idempotency RENAME COLUMN {old} TO {new}")
    db.execute_sql(f"CREATE INDEX core_idempotency_{new} ON core_idempotency ({new})")
