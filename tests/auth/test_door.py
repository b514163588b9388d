"""Registration, login, refresh and logout, through the API."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.identity.records import RefreshToken, Session
from aasim_core.ids import is_id
from aasim_core.settings import Settings
from aasim_core.tenancy.records import Organization, User
from aasim_core.testing.world import Answer, Client

PASSWORD = "gravel-tulip-orbit-94"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD, "organization_name": "Analytical Engines"}
LogIn = Callable[..., Answer]


def events(app: App, name: str) -> list[EventRow]:
    with system_scope("test"):
        return list(EventRow.select().where(EventRow.name == name).order_by(EventRow.id))


def as_(client: Client, tokens: Mapping[str, Any]) -> Client:
    return replace(client, token=tokens["access_token"])


@pytest.mark.long
def test_registering_makes_an_owner_who_is_logged_in(app: App, anonymous: Client) -> None:
    answer = anonymous.post("/auth/register", ADA)
    assert answer.status == 201
    assert answer.data.keys() == {
        "access_token", "refresh_token", "token_type", "expires_in", "session_id", "user", "organization"
    }  # fmt: skip
    assert (answer.data["token_type"], answer.data["expires_in"]) == ("Bearer", 900)
    assert answer.data["organization"]["name"] == "Analytical Engines"
    assert answer.headers["location"] == f"/api/v1/users/{answer.data['user']['id']}"
    me = as_(anonymous, answer.data).get("/auth/me").data
    assert me["user"] == answer.data["user"]
    assert [role["role"] for role in me["roles"]] == ["owner"]
    assert me["permissions"] == sorted(app.permissions)
    assert "auth" in me["features"]


def test_no_answer_shows_a_password_or_its_hash(anonymous: Client) -> None:
    answer = anonymous.post("/auth/register", ADA)
    shown = json.dumps(answer.body) + json.dumps(as_(anonymous, answer.data).get("/auth/me").body)
    assert PASSWORD not in shown
    assert "argon2" not in shown
    assert "password" not in shown


def test_the_organization_is_named_after_the_person_unless_they_say_otherwise(anonymous: Client) -> None:
    given = {name: value for name, value in ADA.items() if name != "organization_name"}
    assert anonymous.post("/auth/register", given).data["organization"]["name"] == "Ada Lovelace's organization"


@pytest.mark.parametrize(("field", "value", "code"), [
    ("email", "ada", "invalid_format"), ("email", 1, "invalid_type"), ("email", "ä@example.com", "invalid_format"),
    ("name", "", "too_short"), ("name", "a" * 121, "too_long"), ("name", "a\nb", "invalid_characters"),
    ("password", "short", "too_short"), ("password", "a" * 257, "too_long"), ("password", "password12345", "weak_password"),
    ("password", "ada-lovelace-1815", "weak_password"), ("password", None, "null_not_allowed"),
    ("is_platform_admin", True, "unknown_field"),
])  # fmt: skip
def test_a_wrong_field_is_named(anonymous: Client, field: str, value: Any, code: str) -> None:
    answer = anonymous.post("/auth/register", {**ADA, field: value})
    assert (answer.status, answer.codes) == (422, {field: [code]})


def test_an_address_registers_once(anonymous: Client, ada: Mapping[str, Any]) -> None:
    answer = anonymous.post("/auth/register", {**ADA, "email": "ADA@example.COM"})
    assert (answer.status, answer.codes) == (422, {"email": ["not_unique"]})


@pytest.mark.long
def test_of_many_who_register_one_address_at_once_one_succeeds(app: App, anonymous: Client) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: anonymous.post("/auth/register", ADA), range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [422] * 5
    assert User.select().count() == Organization.select().count() == 1


@pytest.mark.long
def test_many_can_register_organizations_of_one_name_at_once(anonymous: Client) -> None:
    people = [{**ADA, "email": f"person{n}@example.com"} for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda person: anonymous.post("/auth/register", person), people))
    assert [answer.status for answer in answers] == [201] * 6
    slugs = {answer.data["organization"]["slug"] for answer in answers}
    assert len(slugs) == 6
    assert "analytical-engines" in slugs


def test_logging_in_begins_a_session(app: App, ada: Mapping[str, Any], log_in: LogIn, anonymous: Client) -> None:
    answer = log_in(email="Ada@Example.com")
    assert answer.status == 200
    assert answer.data.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "session_id", "user"}
    assert is_id(answer.data["session_id"], "session")
    assert answer.data["user"]["last_login_at"] >= ada["user"]["last_login_at"]
    assert as_(anonymous, answer.data).get("/auth/me").data["user"]["id"] == ada["user"]["id"]


@pytest.mark.long
def test_every_refused_login_looks_the_same(app: App, ada: Mapping[str, Any], log_in: LogIn, anonymous: Client) -> None:
    anonymous.post("/auth/register", {**ADA, "email": "eve@example.com"})
    User.update(status="suspended").where(User.email == "eve@example.com").execute()
    User.insert(email="bot@example.com", name="Bot", kind="service", id="user_01h455vb4pex5vsknk084sn02q").execute()
    answers = [
        log_in(password="wrong-but-quite-long"), log_in(email="nobody@example.com"), log_in(email="eve@example.com"),
        log_in(email="bot@example.com"), log_in(password="x"),
    ]  # fmt: skip
    assert {answer.status for answer in answers} == {401}
    assert answers[0].codes == {"_": ["invalid_credentials"]}
    assert len({json.dumps(answer.body) for answer in answers}) == 1
    varying = {"x-request-id"}
    assert len({tuple(sorted((k, v) for k, v in a.headers.items() if k.lower() not in varying)) for a in answers}) == 1


@pytest.mark.long
def test_logins_and_failures_are_noted(app: App, ada: Mapping[str, Any], log_in: LogIn) -> None:
    log_in()
    log_in(password="wrong-but-quite-long")
    log_in(email="nobody@example.com")
    (registered,), (logged_in,), failed = (events(app, f"auth.{name}") for name in ("registered", "logged_in", "login_failed"))
    assert (registered.subject_label, registered.actor_id) == ("ada@example.com", ada["user"]["id"])
    assert (logged_in.outcome, logged_in.actor_type, logged_in.actor_ip) == ("success", "user", "127.0.0.1")
    assert [(e.organization_id, e.subject_label, e.outcome) for e in failed] == [
        (ada["organization"]["id"], "ada@example.com", "failed"), ("*", "nobody@example.com", "failed"),
    ]  # fmt: skip


def test_what_fails_at_the_door_is_not_the_deed_of_whose_account_it_is(
    app: App, anonymous: Client, ada: Mapping[str, Any], log_in: LogIn
) -> None:
    log_in(password="wrong-but-quite-long")
    token = ada["refresh_token"]
    for _ in range(2):
        token = anonymous.post("/auth/refresh", {"refresh_token": token}).data["refresh_token"]
    anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]})
    for name in ("auth.login_failed", "auth.refresh_token_reused"):
        (noted,) = events(app, name)
        assert (noted.actor_type, noted.actor_id, noted.actor_label) == ("anonymous", None, "anonymous")
        assert (noted.actor_ip, noted.subject_id) == ("127.0.0.1", ada["user"]["id"])


def test_a_refresh_token_gives_new_tokens_once(anonymous: Client, ada: Mapping[str, Any]) -> None:
    second = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).data
    assert second.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "session_id"}
    third = anonymous.post("/auth/refresh", {"refresh_token": second["refresh_token"]}).data
    assert as_(anonymous, third).get("/auth/me").status == 200


def test_reuse_ends_the_session_for_good_and_is_noted(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    second = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).data
    third = anonymous.post("/auth/refresh", {"refresh_token": second["refresh_token"]}).data
    answer = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]})
    assert (answer.status, answer.codes) == (401, {"_": ["invalid_refresh_token"]})
    assert as_(anonymous, third).get("/auth/me").codes == {"_": ["invalid_token"]}
    assert anonymous.post("/auth/refresh", {"refresh_token": third["refresh_token"]}).status == 401
    (noted,) = events(app, "auth.refresh_token_reused")
    assert (noted.outcome, noted.data, noted.subject_id) == ("denied", {"session_id": ada["session_id"]}, ada["user"]["id"])


@pytest.mark.long
def test_fifty_refreshes_at_once_make_one_chain(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    token = ada["refresh_token"]
    for _ in range(3):
        successors = {answer.data["refresh_token"] for answer in at_once(50, anonymous, token)}
        assert len(successors) == 1
        (token,) = successors
    assert RefreshToken.select().where(RefreshToken.session_id == ada["session_id"]).count() == 4


@pytest.mark.long
def test_fifty_reuses_at_once_end_the_session_once(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    second = anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).data
    third = anonymous.post("/auth/refresh", {"refresh_token": second["refresh_token"]}).data
    answers = at_once(50, anonymous, ada["refresh_token"])
    assert {(answer.status, *answer.codes["_"]) for answer in answers} == {(401, "invalid_refresh_token")}
    assert as_(anonymous, third).get("/auth/me").status == 401
    assert len(events(app, "auth.refresh_token_reused")) == 1


def at_once(times: int, client: Client, token: str) -> list[Answer]:
    """The answers to so many refreshes that begin together."""
    start = Barrier(times)

    def refresh(_: int) -> Answer:
        start.wait()
        return client.post("/auth/refresh", {"refresh_token": token})

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(refresh, range(times)))


def test_logging_out_ends_this_session_only(app: App, anonymous: Client, ada: Mapping[str, Any], log_in: LogIn) -> None:
    other = log_in().data
    assert as_(anonymous, ada).post("/auth/logout").data == {"sessions": 1}
    assert as_(anonymous, ada).get("/auth/me").codes == {"_": ["invalid_token"]}
    assert anonymous.post("/auth/refresh", {"refresh_token": ada["refresh_token"]}).status == 401
    assert as_(anonymous, other).get("/auth/me").status == 200


@pytest.mark.long
def test_logging_out_everywhere_ends_all_sessions(app: App, anonymous: Client, ada: Mapping[str, Any], log_in: LogIn) -> None:
    others = [log_in().data for _ in range(3)]
    assert as_(anonymous, ada).post("/auth/logout", {"all_sessions": True}).data == {"sessions": 4}
    assert {as_(anonymous, tokens).get("/auth/me").status for tokens in [ada, *others]} == {401}
    assert Session.select().where(Session.status == "active").count() == 0
    assert events(app, "auth.logged_out")[0].data == {"sessions": 4}


def test_an_access_token_expires(anonymous: Client) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        tokens = anonymous.post("/auth/register", ADA).data
        clock.shift(900)
        assert as_(anonymous, tokens).get("/auth/me").codes == {"_": ["token_expired"]}
        assert anonymous.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status == 200


class TestByInvitation:
    """Where registration is by invitation."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="invite"))

    def test_nobody_registers_without_one(self, anonymous: Client) -> None:
        answer = anonymous.post("/auth/register", ADA)
        assert (answer.status, answer.codes) == (403, {"_": ["registration_closed"]})

    def test_nobody_registers_with_one_that_was_made_up(self, anonymous: Client) -> None:
        given = {name: value for name, value in ADA.items() if name != "organization_name"}
        for token in ("made-up", f"aasim_iv_{'A' * 43}"):
            answer = anonymous.post("/auth/register", {**given, "invitation_token": token})
            assert (answer.status, answer.codes) == (422, {"invitation_token": ["invalid_reference"]})


class TestClosed:
    """Where registration is closed."""

    @pytest.fixture
    def app_settings(self, app_settings: Settings) -> Settings:
        return replace(app_settings, auth=replace(app_settings.auth, registration="closed"))

    def test_nobody_registers(self, anonymous: Client) -> None:
        given = {name: value for name, value in ADA.items() if name != "organization_name"}
        for more in ({}, {"invitation_token": f"aasim_iv_{'A' * 43}"}):
            assert anonymous.post("/auth/register", {**given, **more}).codes == {"_": ["registration_closed"]}
        assert User.select().count() == 0
