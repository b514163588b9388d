"""The life of an API key: made, used, changed, made anew, switched, revoked."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.records import Organization
from aasim_core.testing.world import Answer, Client, Person, World

Make = Callable[..., dict[str, Any]]
Robot = Callable[[str], Client]
NOON = "2026-01-31T12:00:00.000Z"
DAY = 86_400


def works(client: Client) -> bool:
    answer = client.get("/agents")
    assert answer.status in (200, 401), answer
    return answer.status == 200


def events(app: App, name: str) -> list[EventRow]:
    with system_scope("test"):
        return list(EventRow.select().where(EventRow.name == f"api_keys.{name}"))


def everything_kept(app: App) -> str:
    with system_scope("test"):
        return str([row for model in app.models for row in model.select().dicts()])


# Made


def test_a_new_key_is_shown_once_and_works(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    assert re.fullmatch("aasim_sk_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", made["key"])
    assert (made["key"][:17], made["key"][-4:]) == (made["prefix"], made["last_four"])
    assert works(robot(made["key"]))
    shown = owner.client.get(f"/api-keys/{made['id']}").data
    assert shown.keys() == made.keys() - {"key"}
    assert owner.client.get("/api-keys").data["items"] == [shown]


def test_a_key_is_kept_nowhere(app: App, owner: Person, make: Make) -> None:
    made = owner.client.post("/api-keys", {"name": "x", "scopes": ["agents:read"]}, Idempotency_Key="once").data
    fresh = owner.client.post(f"/api-keys/{made['id']}/regenerate", Idempotency_Key="again").data
    kept = everything_kept(app)
    assert made["prefix"] in kept
    assert made["key"] not in kept
    assert fresh["key"] not in kept


def test_a_lost_answer_shows_the_same_key_again(owner: Person) -> None:
    body = {"name": "Nightly report", "scopes": ["agents:read"]}
    first, again = (owner.client.post("/api-keys", body, Idempotency_Key="once") for _ in range(2))
    assert (again.data, again.headers["idempotency-replayed"]) == (first.data, "true")
    assert len(owner.client.get("/api-keys").data["items"]) == 1


def test_what_is_left_out_has_defaults(world: World, owner: Person, make: Make) -> None:
    with time_machine.travel(NOON, tick=False):
        made = make(world.again(owner))
    assert {name: made[name] for name in ("description", "status", "project_id", "allowed_ips", "rate_limit", "user_id")} == {
        "description": "", "status": "active", "project_id": None, "allowed_ips": [], "rate_limit": None, "user_id": owner.user_id,
    }  # fmt: skip
    assert made["expires_at"] == "2026-05-01T12:00:00.000Z"


@pytest.mark.parametrize(("field", "value", "codes"), [
    ("scopes", [], {"scopes": ["too_short"]}), ("scopes", ["agents:read"] * 2, {"scopes": ["not_unique"]}),
    ("scopes", ["agents:raed"], {"scopes[0]": ["invalid_choice"]}), ("scopes", [1], {"scopes[0]": ["invalid_type"]}),
    ("allowed_ips", ["192.0.2.1/24"], {"allowed_ips[0]": ["invalid_format"]}),
    ("allowed_ips", ["example.com"], {"allowed_ips[0]": ["invalid_format"]}),
    ("rate_limit", 0, {"rate_limit": ["out_of_range"]}), ("rate_limit", True, {"rate_limit": ["invalid_type"]}),
    ("expires_at", "2027-01-31T12:00:00.001Z", {"expires_at": ["out_of_range"]}),
    ("expires_at", NOON, {"expires_at": ["out_of_range"]}), ("expires_at", None, {"expires_at": ["null_not_allowed"]}),
    ("expires_at", "2026-02-01T12:00:00", {"expires_at": ["invalid_format"]}), ("key", "x", {"key": ["unknown_field"]}),
    ("status", "active", {"status": ["unknown_field"]}),
])  # fmt: skip
def test_a_wrong_field_is_named(world: World, owner: Person, field: str, value: Any, codes: dict[str, list[str]]) -> None:
    with time_machine.travel(NOON, tick=False):
        body = {"name": "x", "scopes": ["agents:read"], field: value}
        answer = world.again(owner).client.post("/api-keys", body)
    assert (answer.status, answer.codes) == (422, codes)


def test_a_mistyped_scope_is_met_with_the_nearest(owner: Person) -> None:
    answer = owner.client.post("/api-keys", {"name": "x", "scopes": ["agents:raed"]})
    assert "agents:read" in answer.body["errors"]["scopes[0]"][0]["message"]


# How long they live


def test_a_key_ends_when_it_expires(world: World, owner: Person, make: Make, robot: Robot) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = make(world.again(owner), expires_at="2026-01-31T13:00:00Z")
        clock.shift(3599)
        assert works(robot(made["key"]))
        clock.shift(1)
        assert not works(robot(made["key"]))
        client = world.again(owner).client
        assert client.get(f"/api-keys/{made['id']}").data["status"] == "expired"
        assert [item["id"] for item in client.get("/api-keys?status=expired").data["items"]] == [made["id"]]
        assert client.get("/api-keys?status=active").data["items"] == []


def test_an_expired_key_works_again_with_a_later_end(world: World, owner: Person, make: Make, robot: Robot) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = make(world.again(owner), expires_at="2026-01-31T13:00:00Z")
        clock.shift(DAY)
        client = world.again(owner).client
        assert client.post(f"/api-keys/{made['id']}/toggle", {"status": "disabled"}).codes == {"_": ["invalid_state"]}
        assert client.post(f"/api-keys/{made['id']}/regenerate").codes == {"_": ["invalid_state"]}
        assert client.patch(f"/api-keys/{made['id']}", {"expires_at": "2027-01-31T12:00:00Z"}).data["status"] == "active"
        assert works(robot(made["key"]))
        beyond = client.patch(f"/api-keys/{made['id']}", {"expires_at": "2027-02-01T12:00:00Z"})
        assert beyond.codes == {"expires_at": ["out_of_range"]}


def test_an_organization_can_let_keys_live_for_less(app: App, world: World, owner: Person, make: Make) -> None:
    with app.database.transaction(), system_scope("test"):
        Organization.update(settings={"api_keys": {"max_age_days": 30}}).execute()
    with time_machine.travel(NOON, tick=False):
        person = world.again(owner)
        assert make(person)["expires_at"] == "2026-03-02T12:00:00.000Z"
        body = {"name": "x", "scopes": ["agents:read"], "expires_at": "2026-03-02T12:00:01Z"}
        assert person.client.post("/api-keys", body).codes == {"expires_at": ["out_of_range"]}


# Used


def test_a_key_works_from_its_networks_only(owner: Person, make: Make, robot: Robot) -> None:
    there, elsewhere = (make(owner, allowed_ips=[network])["key"] for network in ("127.0.0.0/8", "192.0.2.0/24"))
    assert works(robot(there))
    refused = robot(elsewhere).get("/agents")
    assert (refused.status, refused.codes) == (403, {"_": ["ip_not_allowed"]})


def test_the_last_use_is_shown(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    with time_machine.travel(NOON, tick=False):
        robot(made["key"]).get("/agents")
    shown = owner.client.get(f"/api-keys/{made['id']}").data
    assert (shown["last_used_at"], shown["last_used_ip"], shown["version"]) == (NOON, "127.0.0.1", 1)


# Changed


def test_a_patch_changes_what_it_names_and_a_put_all_but_the_end(app: App, owner: Person, make: Make) -> None:
    made = make(owner, description="kept", rate_limit=60)
    path = f"/api-keys/{made['id']}"
    patched = owner.client.patch(path, {"name": "Other", "rate_limit": None}).data
    assert (patched["name"], patched["description"], patched["rate_limit"], patched["version"]) == ("Other", "kept", None, 2)
    replaced = owner.client.put(path, {"name": "Third", "scopes": ["agents:execute"]}).data
    assert (replaced["description"], replaced["scopes"], replaced["expires_at"]) == ("", ["agents:execute"], made["expires_at"])
    assert [event.changes["name"] for event in events(app, "updated")] == [["Nightly report", "Other"], ["Other", "Third"]]


def test_fewer_scopes_act_on_the_next_request(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner, "agents:read", "agents:create")
    client = robot(made["key"])
    assert client.post("/agents", {"name": "One"}).status == 201
    owner.client.patch(f"/api-keys/{made['id']}", {"scopes": ["agents:read"]})
    assert client.post("/agents", {"name": "Two"}).codes == {"_": ["permission_denied"]}


# Switched and revoked


def test_a_key_can_be_disabled_and_enabled(app: App, owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    assert owner.client.post(f"/api-keys/{made['id']}/toggle", {"status": "disabled"}).data["status"] == "disabled"
    assert not works(robot(made["key"]))
    assert owner.client.post(f"/api-keys/{made['id']}/toggle", {"status": "active"}).data["status"] == "active"
    assert works(robot(made["key"]))
    assert [len(events(app, name)) for name in ("disabled", "enabled")] == [1, 1]


def test_switching_a_key_again_to_the_same_changes_nothing(app: App, owner: Person, make: Make) -> None:
    path = f"/api-keys/{make(owner)['id']}/toggle"
    first, second = (owner.client.post(path, {"status": "disabled"}) for _ in range(2))
    assert [first.data["status"], second.data["status"]] == ["disabled", "disabled"]
    assert len(events(app, "disabled")) == 1


def test_a_revoked_key_is_gone_but_for_those_who_look_for_it(app: App, owner: Person, make: Make, robot: Robot) -> None:
    made, other = make(owner), make(owner)
    path = f"/api-keys/{made['id']}"
    assert owner.client.delete(path).data == {"id": made["id"], "deleted": True}
    assert not works(robot(made["key"]))
    for answer in (
        owner.client.get(path), owner.client.patch(path, {"name": "x"}), owner.client.delete(path),
        owner.client.post(f"{path}/toggle", {"status": "disabled"}), owner.client.post(f"{path}/regenerate"),
    ):  # fmt: skip
        assert answer.codes == {"_": ["not_found"]}
    assert [item["id"] for item in owner.client.get("/api-keys").data["items"]] == [other["id"]]
    (revoked,) = owner.client.get("/api-keys?status=revoked").data["items"]
    assert (revoked["id"], revoked["status"], revoked["prefix"]) == (made["id"], "revoked", made["prefix"])
    assert len(events(app, "revoked")) == 1


# Made anew


def regenerate(person: Person, made: dict[str, Any], **body: Any) -> Answer:
    return person.client.post(f"/api-keys/{made['id']}/regenerate", body)


def test_the_old_key_works_beside_the_new_one_for_a_day(world: World, owner: Person, make: Make, robot: Robot) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        person = world.again(owner)
        made = make(person)
        fresh = regenerate(person, made).data
        assert (fresh["id"], fresh["scopes"], fresh["expires_at"]) == (made["id"], made["scopes"], made["expires_at"])
        assert (fresh["rotated_at"], fresh["previous_expires_at"]) == (NOON, "2026-02-01T12:00:00.000Z")
        clock.shift(DAY - 1)
        assert [works(robot(each["key"])) for each in (made, fresh)] == [True, True]
        clock.shift(1)
        assert [works(robot(each["key"])) for each in (made, fresh)] == [False, True]


def test_without_an_overlap_the_old_key_ends_at_once(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    fresh = regenerate(owner, made, overlap_seconds=0).data
    assert [works(robot(each["key"])) for each in (made, fresh)] == [False, True]
    assert fresh["previous_expires_at"] is None


def test_of_three_generations_the_last_two_work(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    second, third = (regenerate(owner, made).data for _ in range(2))
    assert [works(robot(each["key"])) for each in (made, second, third)] == [False, True, True]


def test_both_keys_end_together(owner: Person, make: Make, robot: Robot) -> None:
    made = make(owner)
    fresh = regenerate(owner, made).data
    owner.client.delete(f"/api-keys/{made['id']}")
    assert [works(robot(each["key"])) for each in (made, fresh)] == [False, False]


@pytest.mark.parametrize("seconds", [-1, 604_801])
def test_an_overlap_lasts_seven_days_at_most(owner: Person, make: Make, seconds: int) -> None:
    assert regenerate(owner, make(owner), overlap_seconds=seconds).codes == {"overlap_seconds": ["out_of_range"]}


def test_a_key_that_is_made_anew_may_live_as_long_as_a_new_one(world: World, owner: Person, make: Make) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = make(world.again(owner))
        clock.shift(60 * DAY)
        person = world.again(owner)
        assert regenerate(person, made, expires_at="2027-04-01T12:00:00Z").data["expires_at"] == "2027-04-01T12:00:00.000Z"
        answer = regenerate(person, made, expires_at="2027-04-01T12:00:01Z")
    assert answer.codes == {"expires_at": ["out_of_range"]}


@pytest.mark.long
def test_fifty_who_make_a_key_anew_at_once_leave_two_keys(app: App, owner: Person, make: Make, robot: Robot) -> None:
    made, start = make(owner), Barrier(50)

    def race(_: int) -> Answer:
        start.wait()
        return regenerate(owner, made)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(race, range(50)))
    shown = [answer.data["key"] for answer in answers if answer.status == 200]
    refused = [answer.codes for answer in answers if answer.status != 200]
    assert shown
    assert refused == [{"_": ["version_conflict"]}] * len(refused)
    assert len([key for key in (made["key"], *shown) if works(robot(key))]) == 2
    assert len(events(app, "regenerated")) == len(shown)
    with system_scope("test"):
        assert ApiKey.get_by_id(made["id"]).version == 1 + len(shown)
