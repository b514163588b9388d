"""Runs say on whose behalf they act, and have labels, by which a table of its own finds them."""

from typing import Any

from peewee import CompositeKey, Model, TextField

_COLUMNS = ("chain", "labels")


def up(migrator: Any, db: Any) -> None:
    """Add the columns and the table."""
    for name in _COLUMNS:
        db.execute_sql(f"ALTER TABLE executions_execution ADD COLUMN {name} TEXT")

    class Label(Model):
        organization_id = TextField()
        execution_id = TextField()
        label = TextField()

        class Meta:
            database = db
            table_name = "executions_label"
            primary_key = CompositeKey("organization_id", "execution_id", "label")

    db.create_tables([Label])
    db.execute_sql("CREATE INDEX executions_label_found ON executions_label (organization_id, label, execution_id)")


def down(migrator: Any, db: Any) -> None:
    """Take everything away again."""
    db.execute_sql("DROP TABLE executions_label")
    for name in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE executions_execution DROP COLUMN {name}")
