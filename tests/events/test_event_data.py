"""What events tell is held against what they declare, in every test that emits one."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.declarations import Event
from aasim_core.events.log import Deliveries, Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.resources.places import PlaceOut
from aasim_core.schemas.fields import Integer, Object, Text
from aasim_core.testing.event_data import EventData
from aasim_core.testing.world import Person

DECLARED = Event(
    "notes.deleted",
    "A note was deleted",
    "note",
    {"reason": Text(required=True), "count": Integer(allow_none=True), "place": Object(PlaceOut)},
)


def outcome(data: Mapping[str, Any] | None) -> str:
    """What a test says in which the event was emitted with these data."""
    watcher = EventData()
    watcher.inspect(DECLARED, EventRow(name=DECLARED.name, data=data))
    test = watcher.pytest_runtest_call()
    next(test)
    try:
        test.send(None)
    except StopIteration:
        return ""
    except pytest.fail.Exception as failure:
        return str(failure)
    raise AssertionError


@pytest.mark.parametrize(
    "data",
    [{"reason": "Why"}, {"reason": "Why", "count": None}, {"reason": "", "place": {"type": None, "id": "team_" + "0" * 26}}],
)
def test_data_that_fit_fail_no_test(data: Mapping[str, Any]) -> None:
    assert outcome(data) == ""


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (None, 'at data: null is not of type "object"'),
        ({}, 'at data: "reason" is a required property'),
        ({"reason": None}, 'at data.reason: null is not of type "string"'),
        ({"reason": "Why", "count": "1"}, 'at data.count: "1" is not of types'),
        ({"reason": "Why", "because": "x"}, "at data: Additional properties are not allowed ('because' was unexpected)"),
        ({"reason": "Why", "place": {"type": "team"}}, 'at data.place: "id" is a required property'),
    ],
)
def test_data_that_do_not_fit_fail_the_test(data: Mapping[str, Any] | None, flaw: str) -> None:
    assert flaw in outcome(data)


def test_events_of_a_family_are_written_under_names_of_their_own(app: App, owner: Person) -> None:
    app.deliveries = Deliveries({"custom.*": Event("custom.*", "Something happened", data=None)}, {})

    def tell(name: str) -> None:
        with organization_scope(owner.organization_id), app.database.transaction():
            emit(name, Subject("custom", None, "Order 7"), data={"amount": {"euros": 7}})

    tell("custom.paid")
    for name in ("custom.Paid", "custom.paid.late", "custom.*", "customs.paid"):
        with pytest.raises(LookupError, match="is not declared"):
            tell(name)


def test_an_event_that_nobody_declares_is_refused_by_emit_with_its_subject(app: App, owner: Person) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        with pytest.raises(
            LookupError, match=r"event 'customs.paid' of order order_7 is not declared; return it from the plugin's events"
        ):
            emit("customs.paid", Subject("order", "order_7", "Order 7"))
        assert not app.database.current_transaction().events


def test_every_event_that_is_written_is_looked_at(app: App, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = EventData()
    monkeypatch.setattr(Deliveries, "inspect", watcher.inspect)
    with organization_scope(owner.organization_id), app.database.transaction():
        emit("core.plugin_switched", Subject("plugin", None, "Agents"), data={"status": "gone"})
    test = watcher.pytest_runtest_call()
    next(test)
    with pytest.raises(pytest.fail.Exception, match=r"core\.plugin_switched does not tell what it declares, at data\.status"):
        test.send(None)
