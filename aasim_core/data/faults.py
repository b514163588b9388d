"""What an error of the storage means: it is busy, it cannot work now, or it has not confirmed a commit; any other is a mistake of ours."""

import errno
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import peewee

if TYPE_CHECKING:
    from .transactions import Transaction

Fault = Literal["busy", "broken", "unconfirmed"]

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
#: A server that takes no writes: a standby, a primary that was demoted, or a managed server without room.
READ_ONLY = "25006"
# Classes of SQLSTATE: transaction rollback, lock not available, query canceled (PostgreSQL, appendix A).
_SQLSTATE_BUSY = ("40", "55P03", "57014")
# Connection exception, insufficient resources, operator intervention, system error, internal error.
_SQLSTATE_BROKEN = ("08", "53", "57", "58", "XX", READ_ONLY)
_SYSTEM_BROKEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


class Unconfirmed(peewee.OperationalError):
    """A commit that the storage has not confirmed: the change may be there or not, or may not survive a loss of power.

    The `transaction` has not ended for this process, until somebody knows how it has for the storage.
    """

    transaction: "Transaction | None" = None


def fault_of(error: BaseException) -> Fault | None:
    """How the storage fails, as its `error` says; None where it does its work, and the error is about something else."""
    if isinstance(error, Unconfirmed):
        return "unconfirmed"
    for each in _with_origins(error):
        if (fault := _fault(each)) is not None:
            return fault
    return None


def sqlstate_of(error: BaseException) -> str | None:
    """PostgreSQL's code for an error that peewee has wrapped, if it has one."""
    return next((state for each in _with_origins(error) if (state := getattr(each, "sqlstate", None)) is not None), None)


def _with_origins(error: BaseException) -> Iterator[BaseException]:
    """The error, and the driver's own where peewee has wrapped it."""
    yield error
    origin = error.__cause__ or (error.__context__ if isinstance(error, peewee.PeeweeException) else None)
    if origin is not None:
        yield origin


def _fault(error: BaseException) -> Fault | None:
    if isinstance(error, peewee.OperationalError) and error.__context__ is None:
        return "busy"  # not of a driver: our own pool has no connection to give
    if isinstance(error, sqlite3.Error):
        return _fault_of_sqlite(error)
    if hasattr(error, "sqlstate"):
        return _fault_of_sqlstate(error, error.sqlstate)
    if isinstance(error, OSError) and error.errno in _SYSTEM_BROKEN:
        return "broken"
    return None


def _fault_of_sqlite(error: sqlite3.Error) -> Fault | None:
    # The extended codes of SQLite hold the primary one in their lowest byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return "busy" if code in _SQLITE_BUSY else "broken" if code in _SQLITE_BROKEN else None


def _fault_of_sqlstate(error: BaseException, sqlstate: str | None) -> Fault | None:
    if sqlstate is None:
        # psycopg could not reach the server, or lost it.
        return "broken" if type(error).__name__ in ("OperationalError", "InterfaceError") else None
    if sqlstate.startswith(_SQLSTATE_BUSY):
        return "busy"
    return "broken" if sqlstate.startswith(_SQLSTATE_BROKEN) else None
