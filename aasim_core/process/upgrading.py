"""Upgrade the database, without stopping other processes where possible."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import processes
from ..data.backends.connect import connect
from ..data.database import Database
from ..data.migrator import runner as migrations
from ..data.migrator.phases import BEFORE_START, EVERY_PHASE, OFFLINE, POST, PRE, number_of, owner_of, phase_of
from ..data.migrator.runner import Source, narrowed
from ..errors import StartupError

if TYPE_CHECKING:
    from ..app import App

#: A migration may rewrite a whole table, which takes longer than a request may.
_MIGRATION_SECONDS = 3600
_TRY_AGAIN = 75
_SILENCE = f"One that was killed counts for {processes.SILENT_SECONDS:.0f} seconds."


def upgrade(app: "App", *, offline: bool = False) -> list[str]:
    """Apply the first half, as the owner of the tables; returns the names of what was applied.

    What is `offline` is applied too, with everything before and behind it, if that is allowed and no process is alive; else
    StartupError. An owner of whom nothing was applied before, and so a new installation, gets all of its migrations.
    """
    with _owner(app) as owner:  # the role of requests and jobs may not exist yet
        parted = [name for name in _pending(owner, app, BEFORE_START) if phase_of(name) == OFFLINE]
        if parted:
            _refuse_unless_offline(owner, parted, allowed=offline)
        return _migrate(owner, app, EVERY_PHASE if parted else frozenset({PRE}))


def _refuse_unless_offline(owner: Database, parted: Sequence[str], *, allowed: bool) -> None:
    names = ", ".join(parted)
    if not allowed:
        raise StartupError(
            f"{names} cannot be applied while a process runs; stop every API and worker, and run: aasim migrate --offline"
        )
    if alive := _alive(owner):
        raise StartupError(f"{names} cannot be applied while {', '.join(alive)} runs. {_SILENCE}", exit_code=_TRY_AGAIN)


def finish(app: "App") -> list[str]:
    """Apply the second half, after `upgrade`; returns the names of what was applied.

    StartupError while a process is alive that does not know all of it, since its code still needs what is removed.
    """
    if late := behind(app):
        raise StartupError(
            f"{', '.join(late)} still runs the code of an older version; restart or stop it first, with all others. {_SILENCE}",
            exit_code=_TRY_AGAIN,
        )
    with _owner(app) as owner:
        return _migrate(owner, app, frozenset({PRE, POST}))


def upgrade_all(app: "App") -> tuple[list[str], list[str]]:
    """Apply everything; returns the names of what was applied, and of the processes for whose sake the second half is left, if any."""
    applied = upgrade(app, offline=True)
    late = behind(app)
    return applied + ([] if late else finish(app)), late


def remaining(app: "App") -> list[str]:
    """The migrations of the second half that are pending."""
    return _pending(app.database, app, frozenset({POST}))


def behind(app: "App") -> list[str]:
    """The names of the processes that are alive and do not know all that is `remaining`; call it when the first half is applied."""
    wanted = remaining(app)
    if not wanted:
        return []
    with app.database.connected():
        alive = [one for one in processes.seen(app.database) if one.is_alive]
    return [one.row.id for one in alive if not all(one.knows(owner_of(name), number_of(name)) for name in wanted)]


def _pending(database: Database, app: "App", phases: frozenset[str]) -> list[str]:
    """The pending ones of owners that are not new."""
    sources = [source for source in app.migration_sources if not migrations.is_new(database, source)]
    return migrations.pending(database, narrowed(sources, phases))


def _alive(database: Database) -> list[str]:
    """The names of the processes that are alive, in a database of any version."""
    with database.connected():
        return processes.names_alive(database) if processes.TABLE in database.get_tables() else []


def _migrate(owner: Database, app: "App", phases: frozenset[str]) -> list[str]:
    return migrations.migrate(owner, _sources(owner, app.migration_sources, phases), app.settings.database.app_role)


def _sources(database: Database, sources: Sequence[Source], phases: frozenset[str]) -> list[Source]:
    known = narrowed(sources, phases)
    return [whole if migrations.is_new(database, whole) else part for whole, part in zip(sources, known, strict=True)]


@contextmanager
def _owner(app: "App") -> Iterator[Database]:
    """The database as the owner of its tables."""
    section = app.settings.database
    if section.migration_url is None and section.app_role is None:
        yield app.database
        return
    owner = connect(section.migration_url or section.url, statement_seconds=_MIGRATION_SECONDS)
    try:
        yield owner
    finally:
        owner.close_all()
