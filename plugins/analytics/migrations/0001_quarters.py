"""What is counted of each quarter of an hour, and up to when."""

from typing import Any

from peewee import BooleanField, CompositeKey, Model, TextField


def up(migrator: Any, db: Any) -> None:
    """Make both tables."""

    class Quarter(Model):
        organization_id = TextField()
        starts_at = TextField()
        content = TextField()
        verifiable = BooleanField()

        class Meta:
            database = db
            table_name = "analytics_quarter"
            primary_key = CompositeKey("organization_id", "starts_at")

    class Progress(Model):
        organization_id = TextField(primary_key=True)
        written_until = TextField()
        settled_until = TextField()

        class Meta:
            database = db
            table_name = "analytics_progress"

    db.create_tables([Quarter, Progress])


def down(migrator: Any, db: Any) -> None:
    """Forget what was counted."""
    db.execute_sql("DROP TABLE analytics_progress")
    db.execute_sql("DROP TABLE analytics_quarter")
