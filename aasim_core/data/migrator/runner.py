"""Migrations: numbered files per plugin, in two halves, one history for all, one runner at a time.

A migration file defines ``up(migrator, db)`` and ``down(migrator, db)`` (playhouse.migrations) with its own frozen copies of the
records, and is named ``NNNN_what.py`` in the ``migrations`` folder of its plugin; the history holds ``<plugin>/NNNN_what``. The name
also says its phase (see `phases`).
"""

import fcntl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import peewee
from playhouse import migrations as playhouse

from ...context import system_scope
from ...errors import StartupError
from ..backends.postgres import row_security
from ..backends.postgres.database import PostgresDatabase
from ..backends.sqlite.database import SqliteDatabase
from ..database import Database
from .breaking import Additions, refuse_breaking
from .phases import BEFORE_START, EVERY_PHASE, PRE, in_order, phase_of

CORE = Path(__file__).parents[2] / "migrations"
_LOCK_NUMBER = 0x61617369  # "aasi": any constant will do, all runners share it


@dataclass(frozen=True)
class Source:
    """Where the migrations of one owner (``core`` or a plugin) are, and which `phases` of them are meant."""

    owner: str
    folder: Path
    phases: frozenset[str] = EVERY_PHASE


def narrowed(sources: Iterable[Source], phases: frozenset[str]) -> list[Source]:
    """The same sources, of which only these phases are meant."""
    return [replace(source, phases=phases) for source in sources]


class _Runner(playhouse.Runner):
    """The runner of one owner's files over the common history."""

    def __init__(self, database: Any, source: Source) -> None:
        super().__init__(database, directory=str(source.folder), table_name="core_migration")
        self._prefix = f"{source.owner}/"
        self._phases = source.phases

    def migrations(self) -> list[Any]:
        return [m._replace(name=self._prefix + m.name) for m in super().migrations()]

    def applied(self) -> dict[str, Any]:
        return {name: at for name, at in super().applied().items() if name.startswith(self._prefix)}

    def status(self) -> list[Any]:
        """What is applied, and what is pending of the phases that are meant, in the order in which migrations run."""
        return [m for m in in_order(super().status()) if m.applied or phase_of(m.name) in self._phases]

    def _run(self, name: str, module: Any, direction: str, fake: bool = False) -> None:
        additions: Additions = set()
        watch = partial(refuse_breaking, name, additions) if direction == "up" and phase_of(name) == PRE else None
        try:
            with _watched(self.database, watch):
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


def is_new(database: Database, source: Source) -> bool:
    """Whether nothing of this owner was ever applied, so that no code uses its tables yet."""
    with database.connected():
        return not _Runner(database, source).applied()


def numbers(sources: Iterable[Source]) -> dict[str, int]:
    """The highest number of each owner's migrations: what the code of this process knows."""
    found = {source.owner: playhouse.Migration.load_directory(str(source.folder)) for source in sources}
    return {owner: files[-1].idx for owner, files in found.items() if files}


#: The columns of a table, and of each whether every new row must give it a value.
Columns = Mapping[str, bool]


def columns_made_by(sources: Iterable[Source]) -> dict[str, Columns]:
    """The columns of each table that the migrations make of an empty SQLite database in memory; StartupError where one fails."""
    database: Any = _InMemory(":memory:")
    with database:
        for source in sources:
            with _complaints(source.owner):
                _Runner(database, source).up()
        return {table: _columns(database, table) for table in database.get_tables()}


def columns_in(database: Database, table: str) -> Columns:
    """The columns of the table in this database; none where it is not there."""
    with database.connected(), system_scope("look at the columns of a table"):
        return _columns(database, table) if database.table_exists(table) else {}


def _columns(database: Any, table: str) -> Columns:
    return {column.name: not column.null and column.default is None for column in database.get_columns(table)}


def purge(database: Database, source: Source) -> list[str]:
    """Undo every migration of one owner, which drops its tables; returns the names of what was undone."""
    undone: list[str] = []
    with _only_runner(database):
        runner = _Runner(database, source)
        while any(m.applied for m in runner.status()):
            with _complaints(source.owner):
                undone += runner.down()
    return undone


def refuse_pending(database: Database, sources: Sequence[Source]) -> None:
    """StartupError when this code cannot work with the database: it lacks something, or a newer version has removed something.

    What a newer version has only added does no harm, nor does it that the second half is pending.
    """
    if names := pending(database, narrowed(sources, BEFORE_START)):
        raise StartupError(f"the database lacks {len(names)} migrations ({', '.join(names)}); run: aasim migrate")
    if names := [name for name in unknown(database, sources) if phase_of(name) != PRE]:
        raise StartupError(
            f"a newer version has removed from the database what this one needs ({', '.join(names)}); install that version, or "
            "restore the backup from before"
        )


class _InMemory(peewee.SqliteDatabase):
    """A database for a look at what migrations make."""

    watch: Callable[[str], object] | None = None

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one statement, if the watch lets it."""
        if self.watch is not None:
            self.watch(sql)
        return super().execute_sql(sql, params)  # type: ignore[no-untyped-call]


@contextmanager
def _watched(database: Any, watch: Callable[[str], object] | None) -> Iterator[None]:
    """Show each statement to `watch`, if there is one, before it is sent."""
    database.watch = watch
    try:
        yield
    finally:
        database.watch = None


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
        elif isinstance(database, PostgresDatabase):
            database.execute_sql("SET statement_timeout = 0")
            database.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK_NUMBER,))
            database.execute_sql("SET lock_timeout = '10s'")  # or every request would queue behind a migration that waits
            try:
                yield
            finally:
                database.execute_sql("SELECT pg_advisory_unlock(%s)", (_LOCK_NUMBER,))
                database.execute_sql(f"SET statement_timeout = {int(database.timeout_ms)}")
                database.execute_sql("RESET lock_timeout")
