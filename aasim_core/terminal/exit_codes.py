"""Exit codes: a failed command prints sentences on standard error and never a traceback."""

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ..errors import Invalid, Refused, StartupError

Explanation = tuple[list[str], int] | None

#: What each exit code means; from 65 on they are those of sysexits.h. docs/operate/run.md has this table, too.
CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "stopped, or done, as asked",
        1: "a question was answered with no, or what was checked is not as it should be",
        2: "the command is not called so; its `--help` says how",
        65: "what was given is not valid: an address, an id, a name, a file that exists already, a backup that does not fit",
        69: "something is unavailable: a port, a server, a file",
        70: "an unforeseen fault; the message names the file with the details",
        74: "the storage fails: a full or broken disk, a damaged database",
        75: "try again: something is locked or in use, or the worker must be restarted",
        77: "a missing permission",
        78: "the settings are wrong, or the database is not up to date; starting again does not help",
    }
)
DATA, UNAVAILABLE, SOFTWARE, STORAGE, TRY_AGAIN, NO_PERMISSION, CONFIGURATION = 65, 69, 70, 74, 75, 77, 78

_FULL = "the disk is full; make room in the data folder and start again, nothing that was answered is lost"
_FAILING = "the disk under the database is full or fails; make room, or look into the system's log, before you start again"
_DAMAGED = 'the database is damaged; put a backup in its place with "aasim restore FILE"'
_REFUSED = "the database refuses the user or the password of database.url"
_ROLE = (
    "the database does not know, or does not let in, the role that database.url or database.app_role names; to create "
    "database.app_role, run: aasim migrate"
)
_MAY_NOT = (
    "the user of database.url, or the role database.app_role, may not do that in the database; run: aasim migrate, "
    "as the owner of the tables (see database.migration_url)"
)
_BUSY = "the database takes no connections at the moment; try again"
_SILENT = "the database does not answer; start it, or correct database.url"
_READ_ONLY = "the database takes no writes, for it is a standby or was made read-only; connect to the primary"
#: What SQLite and PostgreSQL say, in lower case, with what to do about it.
_DATABASE_PHRASES = (
    ("malformed", _DAMAGED, STORAGE),
    ("not a database", _DAMAGED, STORAGE),
    ("disk i/o error", _FAILING, STORAGE),
    ("is full", _FULL, STORAGE),
    ("no space left", _FULL, STORAGE),
    ("readonly", "the database cannot be written by this user; give its file and folder to them", NO_PERMISSION),
    ("unable to open", "the database file cannot be opened; correct database.url, or the rights of its folder", STORAGE),
    ("locked", "another process holds the database; stop it, or try again", TRY_AGAIN),
    ("no such table", "the database is not up to date; run: aasim migrate", CONFIGURATION),
    ('role "', _ROLE, CONFIGURATION),
    ('"role"', _ROLE, CONFIGURATION),
    ("permission denied", _MAY_NOT, NO_PERMISSION),
    ("does not exist", "the database is not there or not up to date; create it, then run: aasim migrate", CONFIGURATION),
    ("authentication failed", _REFUSED, CONFIGURATION),
    ("no password supplied", _REFUSED, CONFIGURATION),
    ("pg_hba.conf", _REFUSED, CONFIGURATION),
    ("too many clients", _BUSY, TRY_AGAIN),
    ("connection slots", _BUSY, TRY_AGAIN),
    ("starting up", _BUSY, TRY_AGAIN),
    ("shutting down", _BUSY, TRY_AGAIN),
    ("read-only transaction", _READ_ONLY, TRY_AGAIN),
    ("connection failed", _SILENT, UNAVAILABLE),
    ("connection refused", _SILENT, UNAVAILABLE),
    ("resolve host", _SILENT, UNAVAILABLE),
    ("get a connection", _SILENT, UNAVAILABLE),
    ("timeout expired", _SILENT, UNAVAILABLE),
    ("closed the connection", _SILENT, UNAVAILABLE),
    ("terminating connection", _SILENT, UNAVAILABLE),
)


def report(error: Exception) -> int:
    """Tell the person at the command line what failed and what to do; returns the exit code."""
    sentences, code = explain(error)
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    for sentence in sentences:
        print(f"\033[31m{sentence}\033[0m" if colour else sentence, file=sys.stderr)  # noqa: T201
    return code


def explain(error: Exception) -> tuple[list[str], int]:
    """What to say about `error`, and the exit code (sysexits.h)."""
    links = list(_chain(error))
    # What we said ourselves counts first; else what happened first, for that is the cause of the rest.
    for known, order in ((_ours, links), (_others, links[::-1])):
        for explanation in filter(None, map(known, order)):
            return explanation
    return [f"something unforeseen went wrong ({type(error).__name__}); {_written(error)}"], SOFTWARE


def _ours(error: BaseException) -> Explanation:
    if isinstance(error, StartupError):
        return list(error.problems), error.exit_code
    if isinstance(error, Invalid):
        return [f"{field}: {problem.message}" for field, problems in error.problems.items() for problem in problems], DATA
    if isinstance(error, Refused):
        return [error.message], DATA
    return None


def _others(error: BaseException) -> Explanation:
    return _of_the_system(error) or _of_the_database(error) or _of_redis(error)


def _of_the_system(error: BaseException) -> Explanation:
    if not isinstance(error, OSError):
        return None
    where = f" {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return [_FULL], STORAGE
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return [f"no permission for{where or ' a file'}; give it to the user that runs aasim"], NO_PERMISSION
    if error.errno == errno.EADDRINUSE:
        return ["another process listens on that port; stop it, or choose another one with AASIM_BIND"], UNAVAILABLE
    if error.errno == errno.ENOENT and where:
        return [f"there is no{where}"], UNAVAILABLE
    return None


def _of_the_database(error: BaseException) -> Explanation:
    if not any(kind.__module__.partition(".")[0] in ("peewee", "sqlite3", "psycopg") for kind in type(error).__mro__):
        return None
    text = str(error).lower()
    known = next(((sentence, code) for phrase, sentence, code in _DATABASE_PHRASES if phrase in text), None)
    return None if known is None else ([known[0] + _words_of_server(error)], known[1])


def _words_of_server(error: BaseException) -> str:
    """What a PostgreSQL server, or a pooler before it, has said itself."""
    found = re.search(r"(?:FATAL|ERROR):\s*(.+)", str(error))
    return f"; the server says: {found[1].strip()}" if found else ""


def _of_redis(error: BaseException) -> Explanation:
    if type(error).__module__.partition(".")[0] != "redis":
        return None
    return ["Redis does not answer; start it, or correct queue.url and rate_limits.url"], UNAVAILABLE


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _written(error: Exception) -> str:
    """Write down the traceback; returns where it is."""
    from ..logs.redaction import redacted

    try:
        descriptor, path = tempfile.mkstemp(prefix="aasim-", suffix=".log")
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(redacted("".join(traceback.format_exception(error))))
    except OSError as obstacle:
        return f"the whole story could not be written down ({obstacle.strerror})"
    return f"the whole story is in {path}"
