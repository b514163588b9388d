"""What is sent of an event: how much, in which envelope, and of which version."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from time_machine import Traveller

from aasim_core.context import organization_scope
from aasim_core.events.log import Subject, emit
from aasim_core.testing.peer import Peer

from ..conftest import EVENT, Hooks, answering

Work = Callable[[], int]
CLOUDEVENTS = "application/cloudevents+json"
#: A plugin whose event has changed once.
PARCELS = '''
"""Parcels."""

from aasim_core import Event, Plugin, hookimpl

plugin = Plugin("Parcels", "Parcels that are sent.")


@hookimpl
def events(app):
    return (Event("parcels.sent", "A parcel was sent", "parcel", version=2),)
'''


@pytest.fixture(scope="session")
def plugin_settings(plugin_settings: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The plugin is on."""
    folder: Path = tmp_path_factory.mktemp("dropins")
    (folder / "parcels").mkdir()
    (folder / "parcels" / "__init__.py").write_text(PARCELS)
    return {**plugin_settings, "plugins.folder": str(folder), "plugins.enabled": ["parcels"]}


def happened(hooks: Hooks) -> tuple[str, str]:
    """Something has happened to an object that has an id; the ids of the event and of the object."""
    subject_id = "plugin_01h455vb4pex5vsknk084sn02q"
    return hooks.happen("Shop", subject_id), subject_id


def test_a_thin_message_has_ids_only(hooks: Hooks, receiver: Peer, work: Work) -> None:
    hooks.make(payload="thin")
    event_id, subject_id = happened(hooks)
    work()
    [body] = receiver.bodies
    assert body == {
        "type": EVENT,
        "timestamp": body["timestamp"],
        "data": {
            "id": event_id,
            "organization_id": hooks.owner.organization_id,
            "version": 1,
            "actor": {"type": "system", "id": None},
            "subject": {"type": "plugin", "id": subject_id},
            "subject_revision": None,
            "request_id": None,
        },
    }


def test_a_cloudevent_has_the_attributes_of_its_standard_and_the_same_data(hooks: Hooks, receiver: Peer, work: Work) -> None:
    webhook, _ = hooks.make(format="cloudevents"), hooks.make()
    event_id, subject_id = happened(hooks)
    work()
    by_type = {headers["Content-Type"]: number for number, headers in enumerate(receiver.headers)}
    event, standard = receiver.bodies[by_type[CLOUDEVENTS]], receiver.bodies[by_type["application/json"]]
    assert event == {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/api/v1/organizations/{hooks.owner.organization_id}",
        "type": EVENT,
        "subject": subject_id,
        "time": standard["timestamp"],
        "datacontenttype": "application/json",
        "data": standard["data"],
    }
    Verifier(webhook["secret"]).verify(receiver.raw_bodies[by_type[CLOUDEVENTS]], receiver.headers[by_type[CLOUDEVENTS]])


def test_a_cloudevent_about_what_has_no_id_has_no_subject(hooks: Hooks, receiver: Peer, work: Work) -> None:
    hooks.make(format="cloudevents")
    hooks.happen()
    work()
    assert "subject" not in receiver.bodies[0]


def test_a_ping_comes_in_the_same_envelope(hooks: Hooks, receiver: Peer) -> None:
    webhook = hooks.make(format="cloudevents")
    hooks.client.post(f"/webhooks/{webhook['id']}/test")
    [body], [headers] = receiver.bodies, receiver.headers
    assert (headers["Content-Type"], body["type"], body["subject"]) == (CLOUDEVENTS, "ping", webhook["id"])


def test_what_is_on_its_way_keeps_what_it_was_made_with(clock: Traveller, hooks: Hooks, receiver: Peer, work: Work) -> None:
    receiver.behaviour = answering(500)
    webhook = hooks.make()
    hooks.happen()
    work()
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"payload": "thin", "format": "cloudevents"})
    receiver.behaviour = answering(204)
    clock.shift(timedelta(seconds=10))
    work()
    hooks.happen()
    work()
    assert [headers["Content-Type"] for headers in receiver.headers] == ["application/json"] * 2 + [CLOUDEVENTS]
    assert ["outcome" in body["data"] for body in receiver.bodies] == [True, True, False]
    assert [(each["payload"], each["format"]) for each in hooks.deliveries(webhook)] == [
        ("full", "standard"), ("thin", "cloudevents"),
    ]  # fmt: skip


def test_a_webhook_remembers_the_versions_of_events_and_is_told_which_one_is_sent(
    hooks: Hooks, receiver: Peer, work: Work
) -> None:
    webhook = hooks.make("parcels.sent", filter="event.version == 2")
    assert webhook["event_versions"] == {"parcels.sent": 2}
    with organization_scope(hooks.owner.organization_id), hooks.app.database.transaction():
        emit("parcels.sent", Subject("parcel", None, "Books"))
    work()
    assert (receiver.bodies[0]["data"]["version"], hooks.delivery(webhook)["event_version"]) == (2, 2)
