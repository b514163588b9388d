"""Checks of the database: from an answer at all to a write, and who works on it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data.backends.postgres import row_security
from ..data.backends.postgres import session_settings as sessions
from ..data.backends.postgres.database import PostgresDatabase
from ..data.backends.versions import vacuums, version_of
from ..data.backup.postgres import refuse_unfit_tool
from ..data.migrator.runner import refuse_pending
from ..key_rotation.key_usage import refuse_lost
from ..plugins.checks import Unwell
from ..process.upgrading import remaining
from ..processes import API, seen
from ..version import VERSION
from .parts import Parts

_OLDEST_POSTGRES = 14
_KIND = "doctor"


def connection(parts: Parts) -> Mapping[str, Any]:
    """The database is there, answers, and is one that this version works with."""
    url = parts.settings.database.url
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:") and not file.exists():
        raise Unwell(f"there is no database {file}; make it with aasim migrate, or correct database.url")
    with parts.connected():
        kind, version, major = version_of(parts.database)
    if kind == "PostgreSQL" and major < _OLDEST_POSTGRES:
        raise Unwell(f"PostgreSQL {version} is too old; upgrade the server to {_OLDEST_POSTGRES} or newer")
    return {"kind": kind, "version": version}


def session_settings(parts: Parts) -> None:
    """What is set for a session stays with it; a pooler may lose it."""
    if isinstance(parts.database, PostgresDatabase):
        sessions.verify(parts.database)


def autovacuum(parts: Parts) -> None:
    """PostgreSQL makes room and counts rows by itself."""
    with parts.connected():
        if not vacuums(parts.database):
            raise Unwell("the server does not vacuum by itself: tables grow, and statements get slow; set autovacuum = on there")


def backup_tool(parts: Parts) -> None:
    """The program that makes backups of PostgreSQL is there, and not older than the server."""
    if isinstance(parts.database, PostgresDatabase):
        with parts.connected():
            major = version_of(parts.database).major
        refuse_unfit_tool(major)


def migrations(parts: Parts) -> Mapping[str, Any]:
    """The database is up to date, and no newer version has changed it; `left` can wait until all processes run this version."""
    refuse_pending(parts.database, parts.app.migration_sources)
    left = remaining(parts.app)
    return {"left": left} if left else {}


def role_and_policies(parts: Parts) -> None:
    """Row-level security has no gap: not by the role, not by a table without policy, and not by a view."""
    row_security.verify(parts.app.database)


def stored_keys(parts: Parts) -> None:
    """Every key that stored values need is in the ring."""
    refuse_lost(parts.app)


def writes(parts: Parts) -> None:
    """The database takes a write: the row of a process, which is gone at the end."""
    process = parts.app.process_of(_KIND, threads=0)
    process.beat()
    process.leave()


def api(parts: Parts) -> Mapping[str, Any]:
    """An API process is alive."""
    alive = [found.row for found in seen(parts.database) if found.row.kind == API and found.is_alive]
    if not alive:
        raise Unwell("no API process is alive; start one: aasim serve", count=0)
    return {"count": len(alive)}


def versions(parts: Parts) -> Mapping[str, Any]:
    """All processes that are alive run the version of this command."""
    others = {
        found.row.id: found.row.version for found in seen(parts.database) if found.is_alive and found.row.version != VERSION
    }
    if others:
        named = ", ".join(f"{name} ({version})" for name, version in others.items())
        raise Unwell(f"processes of another version than {VERSION} are alive: {named}; restart them when the upgrade is done")
    return {"version": VERSION}
