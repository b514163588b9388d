"""Create a database from a URL, and bind records to it."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import StartupError
from ..database import Database
from ..records import Row, is_tenant
from .postgres.database import PostgresDatabase
from .sqlite.database import SqliteDatabase


def connect(
    url: str,
    *,
    threads: int = 20,
    durability: str = "full",
    role: str | None = None,
    wait_seconds: float = 2,
    statement_seconds: float = 30,
) -> Database:
    """Return the database at `url`: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user@host/name``.

    `threads` is the number of threads that may use it concurrently; `role` is the PostgreSQL role that statements run as. No connection is
    opened yet.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite" and url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"the database's folder {path.parent} cannot be created ({error.strerror}); correct database.url", exit_code=74
            ) from error
        return SqliteDatabase(path, full_durability=durability == "full", wait_seconds=wait_seconds)
    if scheme in ("postgresql", "postgres"):
        return PostgresDatabase(
            "postgresql" + url.removeprefix(scheme),
            role=role,
            connections=threads + 2,
            wait_seconds=wait_seconds,
            statement_seconds=statement_seconds,
        )
    raise StartupError(f"database.url is {url!r}; write sqlite:///path/to/file.db or postgresql://user:password@host:5432/name")


def bind(database: Database, models: Iterable[type[Row]]) -> None:
    """Bind the records to the database, and scope those that belong to organizations."""
    models = tuple(models)
    for model in models:
        model.bind(database, bind_refs=False, bind_backrefs=False)  # type: ignore[arg-type]  # it is one of peewee's, too
    database.tenant_tables = frozenset(model._meta.table_name.lower() for model in models if is_tenant(model))


def unbind(models: Iterable[type[Row]]) -> None:
    """Unbind the records, so that they no longer reference the database."""
    for model in models:
        model._meta.set_database(None)
