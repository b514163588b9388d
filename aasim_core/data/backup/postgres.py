"""Copy a PostgreSQL database with PostgreSQL's own tools."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...context import system_scope
from ...errors import InvalidArgument, StartupError
from ...settings import Settings
from ...settings.sections import DatabaseSettings
from ..backends.connect import connect
from ..backends.postgres import row_security
from ..backends.versions import version_of
from ..database import Database
from ..installation import MAKE_TABLE, mark_held

#: This database's name in the manifest of a backup.
KIND = "postgres"

NAME = "database.dump"
_UNAVAILABLE = 69


def copy_out(settings: DatabaseSettings, target: Path, progress: Callable[[int, int], object]) -> list[str]:
    """Dump the database to `target`, as its owner; returns the names of its migrations."""
    with _owner(settings) as database:
        tables = database.get_tables()
        refuse_unfit_tool(version_of(database).major)
        known = "core_migration" in tables
        names = database.execute_sql("SELECT name FROM core_migration ORDER BY id").fetchall() if known else []
    # The policies apply to the owner too: app.org lets it see the rows of every organization (see row_security).
    options = ["--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", f"--file={target}"]
    _run("pg_dump", [*options, "--verbose"], settings, lambda count: progress(min(count, len(tables)), len(tables)))
    return [name for (name,) in names]


def place(settings: Settings) -> Path:
    """Return a location where a copy can be prepared."""
    return settings.data_dir


def refuse_existing(settings: DatabaseSettings) -> None:
    """Raise InvalidArgument when the database has tables."""
    with _owner(settings) as database:
        tables = database.get_tables()
    if tables:
        raise InvalidArgument(f"the database has {len(tables)} tables; create an empty one, since a restore overwrites nothing")


def copy_in(settings: DatabaseSettings, source: Path, progress: Callable[[int, int], object]) -> None:
    """Restore the dump into the database, all or nothing, mark it as held, and grant the application's role the use of it."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", "--verbose"]
    _run("pg_restore", options, settings, lambda count: progress(count, count + 1), str(source))
    with _owner(settings) as database, system_scope("restore a backup"), database.transaction():
        database.execute_sql(MAKE_TABLE)
        database.execute_sql(mark_held())
        row_security.apply(database, settings.app_role)


def refuse_unfit_tool(server: int) -> None:
    """Raise StartupError where pg_dump is absent, or older than the server, of which it makes no backup; `server` is its major version."""
    said = subprocess.run([_program("pg_dump"), "--version"], capture_output=True, text=True, check=False, timeout=30).stdout  # noqa: S603
    found = re.search(r"\) (\d+)", said)
    if found is not None and int(found[1]) < server:
        raise StartupError(
            f"pg_dump {found[1]} is too old for a server of version {server}; install PostgreSQL's client programs of "
            f"version {server} (Debian: postgresql-client-{server}), or put them first in PATH",
            exit_code=_UNAVAILABLE,
        )


def _program(tool: str) -> str:
    program = shutil.which(tool)
    if program is None:
        raise StartupError(
            f"{tool} is not installed; install PostgreSQL's client programs of the server's version (Debian: postgresql-client)",
            exit_code=_UNAVAILABLE,
        )
    return program


@contextmanager
def _owner(settings: DatabaseSettings) -> Iterator[Database]:
    database = connect(settings.migration_url or settings.url, threads=1)
    try:
        with database.connected():
            yield database
    finally:
        database.close_all()


def _run(
    tool: str, options: Sequence[str], settings: DatabaseSettings, progress: Callable[[int], object], *arguments: str
) -> None:
    url, secrets = _without_password(settings.migration_url or settings.url)
    environment = {**os.environ, **secrets, "PGOPTIONS": "-c app.org=*", "LC_MESSAGES": "C"}
    command = [_program(tool), *options, f"--dbname={url}", *arguments]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace") as process:  # noqa: S603
        said = _followed(process.stderr or (), progress)
    if process.returncode:
        raise StartupError(f"{tool} failed: {said or 'it gave no reason'}", exit_code=_UNAVAILABLE)


def _followed(lines: Iterable[str], progress: Callable[[int], object]) -> str:
    """Count the tables that the tool reports; returns its first error message."""
    tables, complaint = 0, ""
    for line in lines:
        if "contents of table" in line or "data for table" in line:
            tables += 1
            progress(tables)
        complaint = complaint or (line.strip() if "error:" in line else "")
    return complaint


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL without its password, which the process list would show to other users, and environment variables that carry it."""
    parts = urlsplit("postgresql" + url.removeprefix(urlsplit(url).scheme))
    if parts.password is None:
        return parts.geturl(), {}
    user, _, address = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}@{address}").geturl(), {"PGPASSWORD": unquote(parts.password)}
