"""Copy a SQLite database online, while others write, and verify the copy."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...errors import InvalidArgument, StartupError
from ...settings import Settings
from ...settings.sections import DatabaseSettings
from ..installation import MAKE_TABLE, mark_held

#: This database's name in the manifest of a backup.
KIND = "sqlite"

NAME = "database.sqlite"
_PAGES_AT_ONCE = 1024
_STORAGE = 74


def copy_out(settings: DatabaseSettings, target: Path, progress: Callable[[int, int], object]) -> list[str]:
    """Write a consistent copy to `target`; returns the names of its migrations. StartupError for a damaged database."""
    source = _path(settings)
    with (
        _explained(source),
        closing(_open(_readable(source, target.parent))) as database,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        # Read in a transaction; otherwise every concurrent write would restart the copy.
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        database.backup(copy, pages=_PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total))
        copy.execute("PRAGMA journal_mode = DELETE")
        _check(copy, source)
        return _migrations(copy)


def place(settings: Settings) -> Path:
    """Return a location from which the copy need only be renamed."""
    return _path(settings.database).parent


def refuse_existing(settings: DatabaseSettings) -> None:
    """Raise InvalidArgument when a database or its remains exist."""
    path = _path(settings)
    for found in (path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))):
        if found.exists():
            raise InvalidArgument(f"there is {found}; stop the platform and move it away, since a restore overwrites nothing")


def copy_in(settings: DatabaseSettings, source: Path, progress: Callable[[int, int], object]) -> None:
    """Verify the copy, mark it as held, and move it to the database's location."""
    path = _path(settings)
    with _explained(source), closing(_open(source)) as copy:
        _check(copy, source)
        copy.execute(MAKE_TABLE)
        copy.execute(mark_held())
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_existing(settings)
    source.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fsync(descriptor)
    os.close(descriptor)
    progress(1, 1)


def _path(settings: DatabaseSettings) -> Path:
    return Path(settings.url.removeprefix("sqlite:///"))


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StartupError(
            f"there is no database at {path}; correct database.url, or create it: aasim migrate", exit_code=_STORAGE
        )
    return sqlite3.connect(path, isolation_level=None, timeout=10)


def _readable(source: Path, folder: Path) -> Path:
    """Return the database, or, on a read-only disk, a copy with its log in `folder`: SQLite needs to write next to the file it reads."""
    if not source.exists() or not os.statvfs(source.parent).f_flag & os.ST_RDONLY:
        return source
    copy = folder / "source"
    for suffix in ("", "-wal"):
        if (part := source.with_name(source.name + suffix)).exists():
            shutil.copyfile(part, copy.with_name(copy.name + suffix))
    return copy


def _check(database: sqlite3.Connection, path: Path) -> None:
    found = [line for row in database.execute("PRAGMA integrity_check(3)") for line in row[0].splitlines() if "***" not in line]
    if found != ["ok"]:
        raise StartupError(
            f"the database {path} is damaged ({'; '.join(found)}); restore the last good backup", exit_code=_STORAGE
        )


def _migrations(database: sqlite3.Connection) -> list[str]:
    known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'core_migration'").fetchone()
    return [row[0] for row in database.execute("SELECT name FROM core_migration ORDER BY id")] if known else []


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StartupError(f"the database {path} cannot be copied: {error}", exit_code=_STORAGE) from error
    except sqlite3.DatabaseError as error:
        raise StartupError(
            f"the database {path} is damaged ({error}); restore the last good backup", exit_code=_STORAGE
        ) from error
