"""The keys that are known, and the columns of what they sealed."""

from typing import Any

_TABLES = (
    """
    CREATE TABLE core_key (
        id TEXT NOT NULL PRIMARY KEY,
        known_since TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE core_sealed_column (
        table_name TEXT NOT NULL,
        column_name TEXT NOT NULL,
        PRIMARY KEY (table_name, column_name)
    )
    """,
)


def up(migrator: Any, db: Any) -> None:
    """Make the tables."""
    for statement in _TABLES:
        db.execute_sql(statement)


def down(migrator: Any, db: Any) -> None:
    """Drop the tables."""
    db.execute_sql("DROP TABLE core_sealed_column")
    db.execute_sql("DROP TABLE core_key")
