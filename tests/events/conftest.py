"""An organization whose log has some events, and what looks after its chain."""

from collections.abc import Callable
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.statements import Bind
from aasim_core.events.chain.entries import COLUMNS, ChainEntry, columns
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.events.chain.verification import Findings, verify
from aasim_core.events.log import Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person, World

#: Makes so many events, and seals them.
Happen = Callable[[int], None]
Verified = Callable[[], Findings]
Rows = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def happen(app: App, owner: Person) -> Happen:
    """Lets so many things happen in the organization, and seals them."""

    def make(count: int) -> None:
        with organization_scope(owner.organization_id), app.database.transaction():
            for number in range(count):
                emit("core.plugin_switched", Subject("plugin", None, f"Plugin {number}"), data={"status": "active"})
        seal_everything(app.database, app.keyring)

    return make


@pytest.fixture
def verified(app: App, owner: Person) -> Verified:
    """What verifying the organization's chain finds."""

    def look() -> Findings:
        with organization_scope(owner.organization_id):
            return verify(app.keyring, owner.organization_id)

    return look


@pytest.fixture
def rows(app: App, owner: Person) -> Rows:
    """The organization's events with their entries as the database has them, by their sequence; those without one come last."""

    def read() -> list[dict[str, Any]]:
        with system_scope("test"):
            statement = app.database.statement(_sealed_or_not)
            found = statement.run(app.database, {"organization": owner.organization_id}).fetchall()
        return [dict(zip(COLUMNS, row, strict=True)) for row in found]

    return read


def _sealed_or_not() -> Any:
    query: Any = EventRow.select(*columns())
    query = query.join_from(EventRow, ChainEntry, peewee.JOIN.LEFT_OUTER, on=ChainEntry.event_id == EventRow.id)
    query = query.where(EventRow.organization_id == Bind("organization"))
    return query.order_by(ChainEntry.sequence.is_null(), ChainEntry.sequence, EventRow.id)
