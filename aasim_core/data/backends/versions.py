"""The name and version of the connected database, and whether its server cleans up."""

from typing import NamedTuple

from ..database import Database
from .postgres.database import PostgresDatabase


class Version(NamedTuple):
    """The kind of a database, its version as it says it, and the first number of that."""

    kind: str
    text: str
    major: int


def version_of(database: Database) -> Version:
    """Ask a database that is connected; of a SQLite file, also read what tables it has, since another file would not say so before."""
    if isinstance(database, PostgresDatabase):
        kind, text = "PostgreSQL", database.execute_sql("SHOW server_version").fetchone()[0]
    else:
        database.execute_sql("SELECT count(*) FROM sqlite_master").fetchone()
        kind, text = "SQLite", database.execute_sql("SELECT sqlite_version()").fetchone()[0]
    return Version(kind, text, int(text.partition(".")[0].partition(" ")[0]))


def vacuums(database: Database) -> bool:
    """Return whether the server vacuums by itself; SQLite, which needs none, counts as one that does."""
    return not isinstance(database, PostgresDatabase) or database.execute_sql("SHOW autovacuum").fetchone()[0] == "on"
