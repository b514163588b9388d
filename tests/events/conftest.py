"""An organization whose log has some events, and what looks after its chain."""

from collections.abc import Callable

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.log import EventRow, Subject, emit
from aasim_core.events.sealing import seal_everything
from aasim_core.events.verification import Findings, verify
from aasim_core.testing.world import Person, World

#: Makes so many events, and seals them.
Happen = Callable[[int], None]


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
                emit("core.plugin_switched", Subject("plugin", None, f"Plugin {number}"), data={"enabled": True})
        seal_everything(app)

    return make


@pytest.fixture
def verified(app: App, owner: Person) -> Callable[[], Findings]:
    """What verifying the organization's chain finds."""

    def look() -> Findings:
        with organization_scope(owner.organization_id):
            return verify(app.keyring, owner.organization_id)

    return look


@pytest.fixture
def rows(owner: Person) -> Callable[[], list[EventRow]]:
    """The organization's events by their sequence."""

    def read() -> list[EventRow]:
        with system_scope("test"):
            return list(EventRow.select().where(EventRow.organization_id == owner.organization_id).order_by(EventRow.sequence))

    return read
