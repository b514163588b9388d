"""The processes of the installation say that they are there."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    columns = (
        "id TEXT NOT NULL PRIMARY KEY", "kind TEXT NOT NULL", "host TEXT NOT NULL", "version TEXT NOT NULL", "plugins TEXT NOT NULL",
        "threads BIGINT NOT NULL", "busy BIGINT NOT NULL", "started_at TEXT NOT NULL", "seen_at TEXT NOT NULL",
    )  # fmt: skip
    db.execute_sql(f"CREATE TABLE core_process ({', '.join(columns)})")


def down(migrator: Any, db: Any) -> None:
    """Drop it again."""
    db.execute_sql("DROP TABLE core_process")
