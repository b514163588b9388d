"""Runs that need an admission hold a ticket: the tickets of a key, and what else is known of it, are rows of their own."""

from typing import Any

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField

_COLUMNS = (("ticket", "TEXT"), ("slot", "TEXT"), ("priority", "BIGINT NOT NULL DEFAULT 0"))


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the two tables; runs that were started before go on without a ticket."""
    for name, kind in _COLUMNS:
        db.execute_sql(f"ALTER TABLE executions_execution ADD COLUMN {name} {kind}")

    class Admission(Model):
        organization_id = TextField()
        key = TextField()
        rule = TextField()
        recent = TextField()

        class Meta:
            database = db
            table_name = "executions_admission"
            primary_key = CompositeKey("organization_id", "key")

    class Ticket(Model):
        organization_id = TextField()
        key = TextField()
        id = TextField()
        execution_id = TextField()
        group_name = TextField()
        priority = BigIntegerField()
        round = BigIntegerField()
        number = BigIntegerField()
        is_held = BooleanField()
        is_leaving = BooleanField()

        class Meta:
            database = db
            table_name = "executions_ticket"
            primary_key = CompositeKey("organization_id", "key", "id")

    db.create_tables([Admission, Ticket])


def down(migrator: Any, db: Any) -> None:
    """Take everything away again; runs that wait for an admission stay in the queue, to be cancelled."""
    for table in ("executions_ticket", "executions_admission"):
        db.execute_sql(f"DROP TABLE {table}")
    for name, _ in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE executions_execution DROP COLUMN {name}")
