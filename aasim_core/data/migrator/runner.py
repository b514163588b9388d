"""Migrations: numbered files per plugin, in two halves, with one shared history and one runner at a time.

A migration file defines ``up(migrator, db)`` and ``down(migrator, db)`` (playhouse.migrations) with its own frozen copies of the records,
and is named ``NNNN_what.py`` in the ``migrations`` folder of its plugin; the history holds ``<plugin>/NNNN_what``. The name also gives its
phase (see `phases`).
"""

import ast
import fcntl
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from .ownership import refuse_foreign
from .phases import BEFORE_START, EVERY_PHASE, OFFLINE, PRE, in_order, owner_of, phase_of

CORE = Path(__file__).parents[2] / "migrations"
CORE_OWNER = "core"
#: How many of the pending migrations are named.
_MOST_NAMED = 3
_LOCK_NUMBER = 0x61617369  # "aasi": an arbitrary constant that all runners share


@dataclass(frozen=True)
class Source:
    """The location of one owner's migrations (``core`` or a plugin), and the `phases` to run."""

    owner: str
    folder: Path
    phases: frozenset[str] = EVERY_PHASE


def narrowed(sources: Iterable[Source], phases: frozenset[str]) -> list[Source]:
    """Return the same sources, restricted to these phases."""
    return [replace(source, phases=phases) for source in sources]


class _Runner(playhouse.Runner):
    """The runner of one owner's files over the shared history."""

    def __init__(self, database: Any, source: Source) -> None:
        super().__init__(database, directory=str(source.folder), table_name="core_migration")
        self._prefix = f"{source.owner}/"
        self._phases = source.phases

    def migrations(self) -> list[Any]:
        return [m._replace(name=self._prefix + m.name) for m in super().migrations()]

    def applied(self) -> dict[str, Any]:
        return {name: at for name, at in super().applied().items() if name.startswith(self._prefix)}

    def status(self) -> list[Any]:
        """Return the applied migrations, and the pending ones of the selected phases, in running order."""
        return [m for m in in_order(super().status()) if m.applied or phase_of(m.name) in self._phases]

    def _run(self, name: str, module: Any, direction: str, fake: bool = False) -> None:
        additions: Additions = set()
        temporary: set[str] = set()
        is_breaking_refused = direction == "up" and phase_of(name) == PRE
        is_confined = owner_of(name) != CORE_OWNER

        def watch(sql: str) -> None:
            if is_confined:
                refuse_foreign(name, temporary, sql)
            if is_breaking_refused:
                refuse_breaking(name, additions, sql)

        try:
            with _watched(self.database, watch):
                super()._run(name, module, direction, fake)
        except peewee.PeeweeException as error:
            reason = str(error).partition("\n")[0] + _line_of(error, Path(self.directory))
            raise StartupError(
                f"migration {name} failed ({reason}) and was not recorded; fix that and run: aasim migrate"
            ) from error


def migrate(database: Database, sources: Iterable[Source], app_role: str | None = None) -> list[str]:
    """Apply pending migrations, in the order of `sources`; returns their names."""
    applied: list[str] = []
    with _only_runner(database):
        for source in sources:
            with _complaints(source):
                applied += _Runner(database, source).up()
        row_security.apply(database, app_role)
    return applied


def pending(database: Database, sources: Iterable[Source]) -> list[str]:
    """Return the names of the pending migrations."""
    with database.connected():
        return [m.name for source in sources for m in _Runner(database, source).status() if not m.applied]


def unknown(database: Database, sources: Iterable[Source]) -> list[str]:
    """Return the applied migrations that the sources lack: a newer version has run here."""
    with database.connected():
        return [m.name for source in sources for m in _Runner(database, source).status() if not m.path]


def is_new(database: Database, source: Source) -> bool:
    """Return whether no migration of this owner was ever applied, so that no code uses its tables yet."""
    with database.connected():
        return not _Runner(database, source).applied()


def numbers(sources: Iterable[Source]) -> dict[str, int]:
    """Return the highest migration number per owner that this process's code knows."""
    found = {source.owner: playhouse.Migration.load_directory(str(source.folder)) for source in sources}
    return {owner: files[-1].idx for owner, files in found.items() if files}


#: The columns of a table, each with whether every new row must give it a value.
Columns = Mapping[str, bool]


def columns_made_by(sources: Iterable[Source]) -> dict[str, Columns]:
    """Return the columns of each table that the migrations create in an empty in-memory SQLite database; StartupError where one fails."""
    with database_made_by(sources) as database:
        return {table: _columns(database, table) for table in database.get_tables()}


@contextmanager
def in_memory() -> Iterator[Any]:
    """An empty SQLite database in memory, connected."""
    database: Any = _InMemory(":memory:")
    with database:
        yield database


@contextmanager
def database_made_by(sources: Iterable[Source]) -> Iterator[Any]:
    """An empty in-memory SQLite database after the migrations; StartupError where one fails."""
    with in_memory() as database:
        for source in sources:
            with _complaints(source):
                _refuse_misnamed(source)
                _Runner(database, source).up()
        yield database


def _refuse_misnamed(source: Source) -> None:
    """Raise StartupError for a file that defines ``up`` and would never be run, since its name does not begin with a number."""
    for path in sorted(source.folder.glob("[!0-9]*.py")):
        functions = {node.name for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.FunctionDef)}
        if "up" in functions:
            number = numbers([source]).get(source.owner, 0) + 1
            message = f"migration {source.owner}/{path.stem} would never run; name it NNNN_what.py, as in {number:04}_{path.name}"
            raise StartupError(message)


def columns_in(database: Database, table: str) -> Columns:
    """Return the table's columns in this database; none if it does not exist."""
    with database.connected(), system_scope("look at the columns of a table"):
        return _columns(database, table) if database.table_exists(table) else {}


def _columns(database: Any, table: str) -> Columns:
    return {column.name: not column.null and column.default is None for column in database.get_columns(table)}


def purge(database: Database, source: Source) -> list[str]:
    """Undo every migration of one owner, which drops its tables; returns their names."""
    undone: list[str] = []
    with _only_runner(database):
        runner = _Runner(database, source)
        while any(m.applied for m in runner.status()):
            with _complaints(source):
                undone += runner.down()
    return undone


def refuse_pending(database: Database, sources: Sequence[Source]) -> None:
    """Raise StartupError when this code cannot use the database: it lacks something, or a newer version has removed something.

    Additions by a newer version and a pending second half are harmless.
    """
    if names := pending(database, narrowed(sources, BEFORE_START)):
        told = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
        used = {source.owner for source in sources if not is_new(database, source)}
        is_offline = any(phase_of(name) == OFFLINE and owner_of(name) in used for name in names)
        advice = "stop every API and worker, and run: aasim migrate --offline" if is_offline else "run: aasim migrate"
        raise StartupError(f"the database lacks {len(names)} migrations ({told}); {advice}")
    if names := [name for name in unknown(database, sources) if phase_of(name) != PRE]:
        raise StartupError(
            f"a newer version has removed from the database what this one needs ({', '.join(names)}); install that version, or "
            "restore the backup from before"
        )


class _InMemory(peewee.SqliteDatabase):
    """Open a database to inspect the effects of migrations."""

    watch: Callable[[str], object] | None = None

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Run one statement, if the watch permits it."""
        if self.watch is not None:
            self.watch(sql)
        return super().execute_sql(sql, params)  # type: ignore[no-untyped-call]


@contextmanager
def _watched(database: Any, watch: Callable[[str], object] | None) -> Iterator[None]:
    """Pass each statement to `watch`, if given, before it is sent."""
    database.watch = watch
    try:
        yield
    finally:
        database.watch = None


@contextmanager
def _complaints(source: Source) -> Iterator[None]:
    """Name the owner of a migration that fails, whatever the error."""
    try:
        yield
    except playhouse.MigrationError as error:
        raise StartupError(str(error)) from error
    except (StartupError, OSError, peewee.PeeweeException):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}{_line_of(error, source.folder)}"
        message = f"a migration of {source.owner} failed ({reason}) and was not recorded; fix it and run: aasim migrate"
        raise StartupError(message) from error


def _line_of(error: BaseException, folder: Path) -> str:
    """Return the line of the migration that raised the error, as the end of a phrase: ``; 0002_color.py:7``."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f"; {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


@contextmanager
def _only_runner(database: Database) -> Iterator[None]:
    """Run one at a time across all machines, and without the time limit of a request's statements."""
    with database.connected(), system_scope("migrate the database"):
        if isinstance(database, SqliteDatabase):
            with open(f"{database.database}.migrate.lock", "w") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
        elif isinstance(database, PostgresDatabase):
            database.execute_sql("SET statement_timeout = 0")
            database.execute_sql("SELECT pg_advisory_lock(%s)", (_LOCK_NUMBER,))
            database.execute_sql("SET lock_timeout = '10s'")  # otherwise every request would queue behind a waiting migration
            try:
                yield
            finally:
                database.execute_sql("SELECT pg_advisory_unlock(%s)", (_LOCK_NUMBER,))
                database.execute_sql(f"SET statement_timeout = {int(database.timeout_ms)}")
                database.execute_sql("RESET lock_timeout")
