"""What a storage that cannot do its work now answers: 503, told apart from statements that are our mistake."""

import errno
import sqlite3
from collections.abc import Iterator

from peewee import OperationalError, PeeweeException

from ..data.group_commit import Unconfirmed
from ..errors import Refused

_BUSY = "The storage is busy; nothing was changed. Try again."
_UNAVAILABLE = "The storage cannot take this now; nothing was changed. Try again later."
_UNCONFIRMED = (
    "The change was made, but the disk has not confirmed that it keeps it. Look whether it is there before you repeat it."
)

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT}
_SQLITE_BROKEN = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
}
# Classes of SQLSTATE: transaction rollback, lock not available, query canceled (PostgreSQL, appendix A).
_SQLSTATE_BUSY = ("40", "55P03", "57014")
# Connection exception, insufficient resources, operator intervention, system error, internal error.
_SQLSTATE_BROKEN = ("08", "53", "57", "58", "XX")
_SYSTEM_BROKEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


def storage_refusal(error: BaseException) -> Refused | None:
    """The 503 for an error that says the storage is busy, full, broken or out of reach; None for any other error."""
    if isinstance(error, Unconfirmed):
        return Refused("storage_unavailable", _UNCONFIRMED, retry_after=5)
    for each in _with_origins(error):
        verdict = _verdict(each)
        if verdict == "busy":
            return Refused("busy", _BUSY, retry_after=1)
        if verdict == "broken":
            return Refused("storage_unavailable", _UNAVAILABLE, retry_after=5)
    return None


def _with_origins(error: BaseException) -> Iterator[BaseException]:
    """The error, and the driver's own where peewee has wrapped it."""
    yield error
    origin = error.__cause__ or (error.__context__ if isinstance(error, PeeweeException) else None)
    if origin is not None:
        yield origin


def _verdict(error: BaseException) -> str | None:
    if isinstance(error, OperationalError) and error.__context__ is None:
        return "busy"  # not of a driver: our own pool has no connection to give
    if isinstance(error, sqlite3.Error):
        return _verdict_of_sqlite(error)
    if hasattr(error, "sqlstate"):
        return _verdict_of_sqlstate(error, error.sqlstate)
    if isinstance(error, OSError) and error.errno in _SYSTEM_BROKEN:
        return "broken"
    return None


def _verdict_of_sqlite(error: sqlite3.Error) -> str | None:
    # The extended codes of SQLite hold the primary one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return "busy" if code in _SQLITE_BUSY else "broken" if code in _SQLITE_BROKEN else None


def _verdict_of_sqlstate(error: BaseException, sqlstate: str | None) -> str | None:
    if sqlstate is None:
        # psycopg could not reach the server, or lost it.
        return "broken" if type(error).__name__ in ("OperationalError", "InterfaceError") else None
    if sqlstate.startswith(_SQLSTATE_BUSY):
        return "busy"
    return "broken" if sqlstate.startswith(_SQLSTATE_BROKEN) else None
