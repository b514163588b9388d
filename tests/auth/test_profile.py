"""The caller's own account: what it shows, and what of it can be changed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create
from aasim_core.events.records import EventRow
from aasim_core.identity import api_keys
from aasim_core.identity.accounts import found_organization
from aasim_core.identity.records import ApiKey
from aasim_core.tenancy.records import User
from aasim_core.testing.world import Client, World

from .conftest import PASSWORD, event


def test_a_profile_is_replaced_as_a_whole(app: App, as_ada: Client) -> None:
    profile = {"name": "Ada King", "timezone": "Europe/London", "locale": "en-GB", "avatar_url": "https://example.com/ada.png"}
    answer = as_ada.put("/auth/profile", profile)
    assert {name: answer.data[name] for name in profile} == profile
    assert as_ada.get("/auth/me").data["user"] == answer.data
    assert event(app, "auth.profile_updated").changes["name"] == ["Ada Lovelace", "Ada King"]
    again = as_ada.put("/auth/profile", {"name": "Ada King"}).data
    assert (again["timezone"], again["locale"], again["avatar_url"], again["version"]) == ("UTC", "en", None, 3)


def test_a_profile_that_does_not_change_leaves_no_trace(app: App, as_ada: Client) -> None:
    assert as_ada.put("/auth/profile", {"name": "Ada Lovelace"}).data["version"] == 1
    with system_scope("test"):
        assert not EventRow.select().where(EventRow.name == "auth.profile_updated").exists()


def test_a_profile_that_was_changed_meanwhile_is_not_replaced(as_ada: Client) -> None:
    seen = as_ada.get("/auth/me").data["user"]["version"]
    assert as_ada.put("/auth/profile", {"name": "Ada King"}, If_Match=f'"{seen}"').data["version"] == seen + 1
    assert as_ada.put("/auth/profile", {"name": "Ada"}, If_Match=f'"{seen}"').codes == {"_": ["version_conflict"]}


@pytest.mark.parametrize(("field", "value"), [
    ("email", "eve@example.com"), ("status", "active"), ("is_platform_admin", True), ("password_hash", "x"), ("id", "user_1"),
])  # fmt: skip
def test_only_own_fields_can_be_changed(as_ada: Client, field: str, value: Any) -> None:
    answer = as_ada.put("/auth/profile", {"name": "Ada", field: value})
    assert (answer.status, answer.codes) == (422, {field: ["unknown_field"]})


@pytest.mark.parametrize(("field", "value"), [
    ("timezone", "Mars/Olympus"), ("locale", "english"), ("avatar_url", "http://example.com/a.png"), ("avatar_url", "javascript:alert(1)"),
])  # fmt: skip
def test_a_profile_field_of_the_wrong_form_is_named(as_ada: Client, field: str, value: Any) -> None:
    answer = as_ada.put("/auth/profile", {"name": "Ada", field: value})
    assert (answer.status, list(answer.codes)) == (422, [field])


def test_the_current_organization_can_be_changed_to_another_of_ones_own(
    app: App, anonymous: Client, as_ada: Client, ada: Mapping[str, Any]
) -> None:
    with system_scope("test"), app.database.transaction():
        other = found_organization("Second", User.get_by_id(ada["user"]["id"]))
    as_ada.put("/auth/profile", {"name": "Ada", "organization_id": other.id})
    renewed = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).data
    assert replace(anonymous, token=renewed["access_token"]).get("/auth/me").data["organization"]["name"] == "Second"


def test_the_current_organization_cannot_be_a_strangers(as_ada: Client, world: World) -> None:
    for wanted in (world.organization("Theirs").organization_id, "organization_01h455vb4pex5vsknk084sn02q"):
        answer = as_ada.put("/auth/profile", {"name": "Ada", "organization_id": wanted})
        assert (answer.status, answer.codes) == (422, {"organization_id": ["invalid_reference"]})


def test_me_shows_what_a_member_holds_and_where(world: World) -> None:
    owner = world.organization()
    branch = world.node(owner, "branch")
    me = world.member(owner, "viewer", branch).client.get("/auth/me").data
    assert [(role["role"], role["place"]["type"], role["place"]["id"], role["source"]) for role in me["roles"]] == [
        ("viewer", "branch", branch, "direct")
    ]  # fmt: skip
    assert "agents:read" in me["permissions"]
    assert "agents:create" not in me["permissions"]


def test_an_api_key_sees_itself_and_changes_nothing(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    made = api_keys.generate()
    with organization_scope(ada["organization"]["id"]), app.database.transaction():
        create(
            ApiKey, user_id=ada["user"]["id"], name="robot", prefix=made.prefix, last_four=made.last_four, digest=made.digest,
            scopes=["agents:read", "nonsense:read"],
        )  # fmt: skip
    robot = replace(anonymous, token=made.secret.reveal())
    assert robot.get("/auth/me").data["permissions"] == ["agents:read"]
    for answer in (
        robot.post("/auth/logout"), robot.put("/auth/profile", {"name": "R"}),
        robot.post("/auth/change-password", {"current_password": PASSWORD, "new_password": "velvet-canoe-mosaic-31"}),
    ):  # fmt: skip
        assert (answer.status, answer.codes) == (403, {"_": ["session_required"]})


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "me"), ("PUT", "profile"), ("POST", "logout"), ("POST", "change-password"),
])  # fmt: skip
def test_a_stranger_has_no_account_to_look_at(anonymous: Client, method: str, path: str) -> None:
    answer = anonymous.ask(method, f"/auth/{path}", None if method == "GET" else {})
    assert (answer.status, answer.codes) == (401, {"_": ["authentication_required"]})
