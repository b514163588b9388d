"""Migrated databases with their keys: copies of one that is made once in a session, of each kind."""

import atexit
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from ..bench.databases import SERVER, Database, fresh, run_on_server

#: Migrates a database, and writes its keys into its folder.
Migrate = Callable[[Database], object]
_FILE = "bench.sqlite3"
_made = ExitStack()
atexit.register(_made.close)


@contextmanager
def migrated(kind: str, migrate: Migrate) -> Iterator[Database]:
    """A database of the kind (`sqlite` or `postgresql`) in a folder with its keys, while the body runs."""
    template = _template(kind, migrate)
    with (
        TemporaryDirectory(prefix="aasim-bench-faults-", ignore_cleanup_errors=True) as name,
        _copied(template, Path(name)) as url,
    ):
        shutil.copy(template.folder / "secrets.json", name)
        yield Database(kind, url, Path(name), template.role)


@cache
def _template(kind: str, migrate: Migrate) -> Database:
    """The one that others are copies of; it ends with the process. On PostgreSQL they share its role."""
    template = _made.enter_context(fresh(kind, "template"))
    migrate(template)
    return template


@contextmanager
def _copied(template: Database, folder: Path) -> Iterator[str]:
    """The URL of a copy."""
    if template.kind == "sqlite":
        shutil.copy(template.folder / _FILE, folder)
        yield f"sqlite:///{folder / _FILE}"
        return
    name = f"aasim_bench_faults_{token_hex(4)}"
    run_on_server(f"CREATE DATABASE {name} TEMPLATE {template.url.rpartition('/')[2]}")
    try:
        yield f"{SERVER}/{name}"
    finally:
        run_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
