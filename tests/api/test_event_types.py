"""The types of events: what an organization is told of them, and that their data only grow.

The copy of the last release is renewed with each one, by its maintainers: ``aasim events --output tests/api/events-baseline.json``.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from aasim_core.app import App
from aasim_core.catalog.event_types import described
from aasim_core.testing.world import World

from .compatibility import broken_events

BASELINE = Path(__file__).with_name("events-baseline.json")
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def baseline() -> Any:
    """The types of events of the last release."""
    return json.loads(BASELINE.read_text(encoding="utf-8"))


def changed(baseline: Any, name: str, change: Change) -> Any:
    new = {event["name"]: event for event in deepcopy(baseline)}
    change(new[name])
    return list(new.values())


def properties(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event["data_schema"]["properties"]
    return found


def test_what_the_last_release_told_of_an_event_is_told_by_the_same_version(app: App, baseline: Any) -> None:
    assert broken_events(baseline, [described(event) for event in app.events.values()]) == []


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("agents.halted", lambda new: properties(new).pop("reason"), "data.reason is gone"),
        ("agents.halted", lambda new: properties(new)["reason"].update(type="integer"), "data.reason may be integer now"),
        ("agents.halted", lambda new: properties(new)["reason"].update(type=["string", "null"]), "data.reason may be null now"),
        ("agents.halted", lambda new: new["data_schema"]["required"].remove("reason"), "data.reason may be missing now"),
        ("agents.halted", lambda new: new["data_schema"].update(type=["object", "null"]), "data may be null now"),
        ("users.role_assigned", lambda new: properties(properties_of(new, "place")).pop("id"), "data.place.id is gone"),
    ],
)
def test_what_breaks_who_reads_an_event_needs_a_new_version(baseline: Any, name: str, change: Change, sentence: str) -> None:
    assert f"{name}: {sentence}; give it version=2" in broken_events(baseline, changed(baseline, name, change))
    assert broken_events(baseline, changed(baseline, name, lambda new: (change(new), new.update(version=2)))) == []


def properties_of(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {"data_schema": properties(event)[name]}


def test_an_event_does_not_go_and_its_version_does_not_fall(baseline: Any) -> None:
    gone = [event for event in baseline if event["name"] != "agents.halted"]
    assert broken_events(baseline, gone) == ["agents.halted is gone"]
    fallen = changed(baseline, "agents.halted", lambda new: new.update(version=0))
    assert broken_events(baseline, fallen) == ["agents.halted is version 0, and was 1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda new: properties(new).update(more={"type": "string"}),
        lambda new: (properties(new).update(more={"type": "string"}), new["data_schema"]["required"].append("more")),
        lambda new: new.update(summary="Something else."),
        lambda new: new.update(version=3),
    ],
)
def test_growth_breaks_nobody(baseline: Any, change: Change) -> None:
    assert broken_events(baseline, changed(baseline, "agents.halted", change)) == []


def test_anybody_with_a_credential_lists_them_in_pages(world: World, app: App) -> None:
    client = world.organization().client
    assert world.anonymous.get("/events").status == 401
    page = client.get("/events?limit=2").data
    assert [item["name"] for item in page["items"]] == sorted(app.events)[:2]
    following = client.get(f"/events?limit=100&cursor={page['pagination']['next_cursor']}").data
    assert following["items"][0]["name"] == sorted(app.events)[2]


def test_one_says_what_its_data_are(world: World) -> None:
    (item,) = world.organization().client.get("/events?name=agents.halted").data["items"]
    schema = item.pop("data_schema")
    assert item == {
        "name": "agents.halted", "plugin": "agents", "version": 1, "summary": "An agent was halted", "subject_type": "agent",
    }  # fmt: skip
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"reason": "It writes nonsense."})
    assert not validator.is_valid({"reason": 7})
    assert not validator.is_valid(None)


def test_data_may_be_null_where_nothing_is_always_told(world: World) -> None:
    (item,) = world.organization().client.get("/events?name=roles.created").data["items"]
    assert jsonschema_rs.validator_for(item["data_schema"]).is_valid(None)


def test_what_is_off_for_the_organization_does_not_happen_there(world: World) -> None:
    owner, other = world.organization(), world.organization("Other")
    owner.client.put(f"/plugins/projects/organizations/{owner.organization_id}", {"status": "disabled"})
    asked = "/events?plugin[in]=projects,agents&limit=100&include=total"
    assert {item["plugin"] for item in owner.client.get(asked).data["items"]} == {"agents"}
    assert {item["plugin"] for item in other.client.get(asked).data["items"]} == {"agents", "projects"}
    assert owner.client.get(asked).data["pagination"]["total"] == 5


def test_every_schema_is_one(app: App) -> None:
    for event in app.events.values():
        jsonschema_rs.meta.validate(described(event)["data_schema"])
