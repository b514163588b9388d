"""What one write needs around it, when it is a unit of work by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..data.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from ..data.connect import Database


@contextmanager
def single(database: "Database", *, durable: bool = True) -> Iterator[None]:
    """Run one statement as a unit of work, or as part of the running one.

    On PostgreSQL a statement is a transaction by itself, which saves two round trips. One that is not `durable` survives the death
    of any process, but perhaps not the loss of power; SQLite then does not wait for the disk.
    """
    if isinstance(database, SqliteDatabase) or _in_transaction(database):
        with database.transaction(durable=durable):
            yield
    else:
        yield


def _in_transaction(database: "Database") -> bool:
    try:
        database.current_transaction()
    except RuntimeError:
        return False
    return True
