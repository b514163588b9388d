"""What is counted of each quarter of an hour, sums of that, and up to when."""

from typing import Any

from peewee import BooleanField, CompositeKey, Model, TextField


def up(migrator: Any, db: Any) -> None:
    """Make the tables."""

    class Quarter(Model):
        organization_id = TextField()
        starts_at = TextField()
        content = TextField()
        verifiable = BooleanField()

        class Meta:
            database = db
            table_name = "analytics_quarter"
            primary_key = CompositeKey("organization_id", "starts_at")

    class Sum(Model):
        organization_id = TextField()
        view = TextField()
        level = TextField()
        starts_at = TextField()
        content = TextField()

        class Meta:
            database = db
            table_name = "analytics_sum"
            primary_key = CompositeKey("organization_id", "view", "level", "starts_at")

    class Progress(Model):
        organization_id = TextField(primary_key=True)
        written_until = TextField()
        settled_until = TextField()
        hours_until = TextField()
        days_until = TextField()
        timezone = TextField()

        class Meta:
            database = db
            table_name = "analytics_progress"

    db.create_tables([Quarter, Sum, Progress])


def down(migrator: Any, db: Any) -> None:
    """Forget what was counted."""
    for table in ("analytics_progress", "analytics_sum", "analytics_quarter"):
        db.execute_sql(f"DROP TABLE {table}")
