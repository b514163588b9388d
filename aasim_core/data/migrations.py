"""Migrations: numbered files per plugin, one history for all, one runner at a time.

A migration file defines ``up(migrator, db)`` and ``down(migrator, db)`` (playhouse.migrations) with its own frozen copies of the
records, and is named ``NNNN_what.py`` in the ``migrations`` folder of its plugin; the history holds ``<plugin>/NNNN_what``.
"""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peewee
from playhouse import migrations as playhouse

from ..context import system_scope
from ..errors import StartupError
from . import row_security
from .connect import Database
from .sqlite import SqliteDatabase

CORE = Path(__file__).parent.parent / "migrations"
_LOCK_NUMBER = 0x61617369  # "aasi": any constant will do, all runners share it


@dataclass(frozen=True)
class Source:
    """Where the migrations of one owner (``core`` or a plugin) are."""

    owner: str
    folder: Path


class _Runner(playhouse.Runner):
    """The runner of one owner's files over the common history."""

    def __init__(self, database: Database, source: Source) -> None:
        super().__init__(database, directory=str(source.folder), table_name="core_migration")
        self._prefix = f"{source.owner}/"

    def migrations(self) -> list[Any]:
        return [m._replace(name=self._prefix + m.name) for m in super().migrations()]

    def applied(self) -> dict[str, Any]:
        return {name: at for name, at in super().applied().items() if name.startswith(self._prefix)}

    def _run(self, name: str, module: Any, direction: str, fake: bool = False) -> None:
        try:
            super()._run(name, module, direction, fake)
        except peewee.PeeweeException as error:
            reason = str(error).partition("\n")[0]
            raise StartupError(
                f"migration {name} failed ({reason}) and was not recorded; mend that and run: aasim migrate"
            ) from error


def migrate(database: Database, sources: Iterable[Source], app_role: str | None = None) -> list[str]:
    """Apply what is pending, in the order of `sources`; returns the names of what was applied."""
    applied: list[str] = []
    with _only_runner(database):
        for source in sources:
            with _complaints(source.owner):
                applied += _Runner(database, source).up()
        row_security.apply(database, app_role)
    return applied


def pending(database: Database, sources: Iterable[Source]) -> list[str]:
    """The names of the migrations that are not applied yet."""
    with database.connected():
        return [m.name for source in sources for m in _Runner(database, source).status() if not m.applied]


def unknown(database: Database, sources: Iterable[Source]) -> list[str]:
    """The names of applied migrations that the sources do not have: a newer version was here."""
    with database.connected():
        return [m.name for source in sources for m in _Runner(database, source).status() if not m.path]


def purge(database: Database, source: Source) -> list[str]:
    """Undo every migration of one owner, which drops its tables; returns the names of what was undone."""
    undone: list[str] = []
    with _only_runner(database):
        runner = _Runner(database, source)
        while any(m.applied for m in runner.status()):
            with _complaints(source.owner):
                undone += runner.down()
    return undone


def refuse_pending(database: Database, sources: Iterable[Source]) -> None:
    """StartupError when the database is not of this version: behind it, or ahead of it."""
    sources = tuple(sources)
    if names := pending(database, sources):
        raise StartupError(f"the database lacks {len(names)} migrations ({', '.join(names)}); run: aasim migrate")
    if names := unknown(database, sources):
        raise StartupError(
            f"a newer version has migrated the database ({', '.join(names)}); install that version, or restore the backup from before"
        )


@contextmanager
def _complaints(owner: str) -> Iterator[None]:
    """Say whose migration it is that cannot be run, whatever is wrong with it."""
    try:
        yield
    except playhouse.MigrationError as error:
        raise StartupError(str(error)) from error
    except (StartupError, OSError, peewee.PeeweeException):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        message = f"a migration of {owner} failed ({reason}) and was not recorded; mend it and run: aasim migrate"
        raise StartupError(message) from error


@contextmanager
def _only_runner(database: Database) -> Iterator[None]:
    """One at a time, over all machines, and without the time limit of a request's statements."""
    with database.connected(), system_scope("migrate the database"):
        if isinstance(database, SqliteDatabase):
            with open(f"{database.database}.migrate.lock", "w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
        else:
            database.execute_sql("SET statement_timeout = 0")
            database.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK_NUMBER,))
            database.execute_sql("SET lock_timeout = '10s'")  # or every request would queue behind a migration that waits
            try:
                yield
            finally:
                database.execute_sql("SELECT pg_advisory_unlock(%s)", (_LOCK_NUMBER,))
                database.execute_sql("RESET statement_timeout")
                database.execute_sql("RESET lock_timeout")
