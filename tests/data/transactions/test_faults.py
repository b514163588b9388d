"""What an error of the storage means: it is busy, unavailable, or works and somebody else is at fault."""

import errno
import sqlite3

import peewee
import pytest

from aasim_core.data.faults import Unconfirmed, fault_of


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("of the driver")
    error.sqlite_errorcode = code
    return error


def server_error(state: str | None, name: str = "Error") -> Exception:
    """An error as PostgreSQL's driver raises it."""
    return type(name, (Exception,), {"sqlstate": state})()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (Unconfirmed("lost"), "unconfirmed"),
        (peewee.OperationalError("no connection is free"), "busy"),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), "busy"),
        (sqlite_error(sqlite3.SQLITE_FULL), "broken"),
        (sqlite_error(sqlite3.SQLITE_CONSTRAINT), None),
        (server_error("57014"), "busy"),
        (server_error("40P01"), "busy"),
        (server_error("53100"), "broken"),
        (server_error("23505"), None),
        (server_error(None, "OperationalError"), "broken"),
        (server_error(None, "ProgrammingError"), None),
        (OSError(errno.ENOSPC, "No space left on device"), "broken"),
        (OSError(errno.ENOENT, "No such file or directory"), None),
        (ValueError("of the caller"), None),
    ],
    ids=str,
)
def test_an_error_says_how_the_storage_failed(error: Exception, fault: str | None) -> None:
    assert fault_of(error) == fault
