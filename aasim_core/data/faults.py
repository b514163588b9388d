"""Classify storage errors: busy, unavailable, or an unconfirmed commit; any other is a bug of ours."""

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
#: A server that accepts no writes: a standby, a demoted primary, or a managed server whose disk is full.
READ_ONLY = "25006"
# Classes of SQLSTATE: transaction rollback, lock not available, query canceled (PostgreSQL, appendix A).
_SQLSTATE_BUSY = ("40", "55P03", "57014")
# Connection exception, idle in transaction for too long, insufficient resources, operator intervention, system error, internal error.
_SQLSTATE_BROKEN = ("08", "25P03", "53", "57", "58", "XX", READ_ONLY)
_SYSTEM_BROKEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


class Unconfirmed(peewee.OperationalError):
    """A commit that the storage has not confirmed: the change may or may not exist, or may not survive a power failure.

    The `transaction` stays open for this process until its outcome in the storage is known.
    """

    transaction: "Transaction | None" = None


def fault_of(error: BaseException) -> Fault | None:
    """Return how the storage failed, from its `error`; None if the storage works and the error has another cause."""
    if isinstance(error, Unconfirmed):
        return "unconfirmed"
    for each in _with_origins(error):
        if (fault := _fault(each)) is not None:
            return fault
    return None


def is_of_deferred_write(error: BaseException) -> bool:
    """Return whether a write failed that was deferred, and was sent only because another statement followed it."""
    return getattr(error, "of_deferred_write", False)


def sqlstate_of(error: BaseException) -> str | None:
    """Return PostgreSQL's code for an error wrapped by peewee, if it has one."""
    return next((state for each in _with_origins(error) if (state := getattr(each, "sqlstate", None)) is not None), None)


def _with_origins(error: BaseException) -> Iterator[BaseException]:
    """Return the error, and the driver's own where peewee wrapped it."""
    yield error
    origin = error.__cause__ or (error.__context__ if isinstance(error, peewee.PeeweeException) else None)
    if origin is not None:
        yield origin


def _fault(error: BaseException) -> Fault | None:
    if isinstance(error, peewee.OperationalError) and error.__context__ is None:
        return "busy"  # not the driver's: our own pool has no free connection
    if isinstance(error, sqlite3.Error):
        return _fault_of_sqlite(error)
    if hasattr(error, "sqlstate"):
        return _fault_of_sqlstate(error, error.sqlstate)
    if isinstance(error, OSError) and error.errno in _SYSTEM_BROKEN:
        return "broken"
    return None


def _fault_of_sqlite(error: sqlite3.Error) -> Fault | None:
    # SQLite's extended codes hold the primary code in their lowest byte.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return "busy" if code in _SQLITE_BUSY else "broken" if code in _SQLITE_BROKEN else None


def _fault_of_sqlstate(error: BaseException, sqlstate: str | None) -> Fault | None:
    if sqlstate is None:
        # psycopg could not reach the server, or lost the connection.
        return "broken" if type(error).__name__ in ("OperationalError", "InterfaceError") else None
    if sqlstate.startswith(_SQLSTATE_BUSY):
        return "busy"
    return "broken" if sqlstate.startswith(_SQLSTATE_BROKEN) else None
