"""Changing and deleting events as somebody can to whom the database belongs: the application itself cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aasim_core.context import system_scope
from aasim_core.data.backends.postgres.database import PostgresDatabase
from aasim_core.data.database import Database
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.records import EventRow


@contextmanager
def tampering(database: Database) -> Iterator[None]:
    """A transaction in which nothing protects the events."""
    with system_scope("tamper with events"), database.transaction():
        if isinstance(database, PostgresDatabase):
            database.execute_sql("SET LOCAL ROLE NONE")
            _switch_triggers(database, "DISABLE")
        yield
        if isinstance(database, PostgresDatabase):
            _switch_triggers(database, "ENABLE")


def _switch_triggers(database: Database, verb: str) -> None:
    for table in ("core_event", "core_event_entry"):
        database.execute_sql(f"ALTER TABLE {table} {verb} TRIGGER USER")


def tamper(database: Database, organization_id: str, sequence: int, **values: Any) -> None:
    """Change a sealed event or its entry as somebody can who writes to the database."""
    here = (ChainEntry.organization_id == organization_id) & (ChainEntry.sequence == sequence)
    with tampering(database):
        event_id = ChainEntry.select(ChainEntry.event_id).where(here).scalar()
        for model, key in ((EventRow, EventRow.id), (ChainEntry, ChainEntry.event_id)):
            mine = {name: value for name, value in values.items() if name in model._meta.fields}
            if mine:
                assert model.update(mine).where(key == event_id).execute() == 1


def take_out(database: Database, organization_id: str, first: int, last: int) -> None:
    """Delete the events from one sequence to another with their entries, as somebody can to whom the database belongs."""
    within = (ChainEntry.organization_id == organization_id) & (ChainEntry.sequence.between(first, last))
    with tampering(database):
        ids = [event_id for (event_id,) in ChainEntry.select(ChainEntry.event_id).where(within).tuples()]
        EventRow.delete().where(EventRow.id.in_(ids)).execute()
        ChainEntry.delete().where(ChainEntry.event_id.in_(ids)).execute()
