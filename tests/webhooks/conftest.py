"""An organization with webhooks, a receiver on loopback that behaves as the test says, and a worker in the test's own thread."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.log import Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off

ON = {"auth", "webhooks"}
#: The event that the tests let happen.
EVENT = "core.plugin_switched"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Every other bundled plugin is off; loopback is a network where webhooks may be."""
    bundled = {file.parent.name for file in (Path(__file__).parents[2] / "plugins").glob("*/__init__.py")}
    return {"plugins.disabled": sorted(bundled - ON), "webhooks.allowed_networks": ["127.0.0.0/8"]}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def receiver() -> Iterator[Peer]:
    """Where webhooks lead; it takes everything, until the test says otherwise."""
    with serving() as peer:
        peer.behaviour = answering(204)
        yield peer


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    """The behaviour of a receiver that answers so."""
    return lambda handler: handler.answer(status, body, **headers)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now, those too that had to wait; returns how many there were."""
    maintenance = Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir))

    def act() -> int:
        maintenance.unpark()
        maintenance.make_ready()
        return work_off(app)

    return act


class Hooks:
    """The webhooks of an organization."""

    def __init__(self, world: World, owner: Person, url: str) -> None:
        self.app, self.owner, self.url, self._world = world.app, owner, url, world

    @property
    def client(self) -> Client:
        """The owner's; logged in anew, since tests move the clock."""
        return self._world.again(self.owner).client

    def make(self, *events: str, **fields: Any) -> dict[str, Any]:
        """A new webhook with its secret, for these events."""
        body = {"url": self.url, "events": [*events] or [EVENT], **fields}
        return dict(self.client.post("/webhooks", body).data)

    def read(self, webhook: Mapping[str, Any]) -> dict[str, Any]:
        """The webhook as it is now."""
        return dict(self.client.get(f"/webhooks/{webhook['id']}").data)

    def toggle(self, webhook: Mapping[str, Any], status: str) -> dict[str, Any]:
        """The webhook, enabled or disabled."""
        return dict(self.client.post(f"/webhooks/{webhook['id']}/toggle", {"status": status}).data)

    def happen(self, label: str = "Plugin", subject_id: str | None = None) -> str:
        """Let something happen in the organization; returns the event's id."""
        with organization_scope(self.owner.organization_id), self.app.database.transaction():
            return str(emit(EVENT, Subject("plugin", subject_id, label), data={"status": "active"}).id)

    def deliveries(self, webhook: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Its deliveries, the first one first."""
        return list(self.client.get(f"/webhooks/{webhook['id']}/deliveries?sort=created_at").data["items"])

    def delivery(self, webhook: Mapping[str, Any]) -> dict[str, Any]:
        """Its only delivery."""
        [delivery] = self.deliveries(webhook)
        return delivery

    def redeliver(self, delivery: Mapping[str, Any]) -> Any:
        """Have the event sent once more."""
        return self.client.post(f"/webhooks/{delivery['webhook_id']}/deliveries/{delivery['id']}/redeliver")

    def events(self, name: str) -> list[EventRow]:
        """What has happened under that name."""
        with organization_scope(self.owner.organization_id):
            return list(EventRow.select().where(EventRow.name == name).order_by(EventRow.at, EventRow.id))


@pytest.fixture
def hooks(world: World, owner: Person, receiver: Peer) -> Hooks:
    """The webhooks of the owner's organization."""
    return Hooks(world, owner, receiver.url)
