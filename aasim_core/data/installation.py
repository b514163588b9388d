"""The row about the installation: since when it is held, so that no job runs and no call leaves it."""

import time
from datetime import datetime
from functools import lru_cache

import peewee

from ..clock import now, to_text
from .database import Database
from .fields import InstantField
from .records import Row, database_of

TABLE = "core_installation"
#: The table as its migration makes it; a restored backup of an older version has none yet.
MAKE_TABLE = f"CREATE TABLE IF NOT EXISTS {TABLE} (id TEXT NOT NULL PRIMARY KEY, held_at TEXT)"
_ID = "installation"


class Installation(Row):
    """Facts about the installation as a whole, in one row. It is held since `held_at`."""

    id = peewee.TextField(primary_key=True)
    held_at = InstantField(null=True)

    class Meta:
        table_name = TABLE
        internal = True


RECORDS = (Installation,)


def mark_held() -> str:
    """Return the statement that marks a restored database as held; it needs the table."""
    moment = to_text(now())
    return (
        f"INSERT INTO {TABLE} (id, held_at) VALUES ('{_ID}', '{moment}') "  # noqa: S608 - no value comes from outside
        f"ON CONFLICT (id) DO UPDATE SET held_at = '{moment}'"
    )


def held_since() -> datetime | None:
    """Return since when the installation is held, or None; at most a second old. A database that does not answer is not held."""
    database: Database | None = database_of(Installation)
    try:
        return None if database is None else _read(database, int(time.monotonic()))
    except peewee.PeeweeException:
        return None


@lru_cache(maxsize=1)
def _read(database: Database, second: int) -> datetime | None:
    with database.connected():
        row = Installation.get_or_none(Installation.id == _ID)
    return None if row is None else row.held_at


def hold() -> None:
    """Let no job run and no call leave the installation, from the next second on. Needs a transaction."""
    database_of(Installation).execute_sql(mark_held())
    _read.cache_clear()


def resume() -> None:
    """Let jobs run again. Needs a transaction."""
    Installation.update(held_at=None).execute()
    _read.cache_clear()
