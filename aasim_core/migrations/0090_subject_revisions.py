"""Events tell which version of its subject the change made."""

from typing import Any

from peewee import PostgresqlDatabase


def up(migrator: Any, db: Any) -> None:
    """Add the column; earlier events have none."""
    db.execute_sql("ALTER TABLE core_event ADD COLUMN subject_revision BIGINT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again. Hashes of the format that covers it cannot be verified then, so those chains have to be begun anew."""
    if isinstance(db, PostgresqlDatabase):  # it names the column, and is put on again after the migrations
        db.execute_sql("DROP TRIGGER IF EXISTS core_event_no_update ON core_event")
    db.execute_sql("ALTER TABLE core_event DROP COLUMN subject_revision")
