"""Requests at the door that are sent again under the same idempotency key."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.events.records import EventRow
from aasim_core.identity.records import Session
from aasim_core.identity.sessions import RETRY_SECONDS
from aasim_core.serving.idempotency import Idempotency
from aasim_core.tenancy.records import User
from aasim_core.testing.world import Answer, Client

PASSWORD = "gravel-tulip-orbit-94"
NEW = "walnut-copper-river-31"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD, "organization_name": "Analytical Engines"}
LogIn = Callable[..., Answer]


def is_replayed(answer: Answer) -> bool:
    return answer.headers.get("idempotency-replayed") == "true"


def test_registering_again_under_the_same_key_gives_the_same_account(anonymous: Client) -> None:
    first, again = (anonymous.post("/auth/register", ADA, Idempotency_Key="register-ada") for _ in range(2))
    assert (again.status, again.body, again.headers["location"]) == (201, first.body, first.headers["location"])
    assert (is_replayed(first), is_replayed(again)) == (False, True)
    assert User.select().count() == 1


def test_of_many_who_register_under_one_key_at_once_one_is_served(anonymous: Client) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: anonymous.post("/auth/register", ADA, Idempotency_Key="register-ada"), range(6)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.data["session_id"] for answer in answers if answer.status == 201}) == 1
    for answer in answers:
        assert answer.status == 201 or (answer.codes == {"_": ["idempotency_in_progress"]} and answer.headers["retry-after"])


def test_logging_in_again_under_the_same_key_begins_no_second_session(ada: Mapping[str, Any], log_in: LogIn) -> None:
    before = Session.select().count()
    first, again = (log_in(Idempotency_Key="login-ada") for _ in range(2))
    assert again.data == first.data
    assert Session.select().count() == before + 1


@pytest.mark.long
@pytest.mark.parametrize("password", [NEW, PASSWORD + " ", PASSWORD.upper()])
def test_the_answer_to_a_login_is_not_for_who_has_the_key_without_the_password(
    ada: Mapping[str, Any], log_in: LogIn, password: str
) -> None:
    log_in(Idempotency_Key="login-ada")
    assert log_in(password=password, Idempotency_Key="login-ada").status == 401


@pytest.mark.long
def test_the_answer_to_a_login_is_not_for_another_network(ada: Mapping[str, Any], log_in: LogIn, anonymous: Client) -> None:
    first = log_in(Idempotency_Key="login-ada")
    elsewhere = replace(anonymous, wsgi=_from("198.51.100.7", anonymous.wsgi))
    body = {"email": "ada@example.com", "password": PASSWORD}
    again = elsewhere.post("/auth/login", body, Idempotency_Key="login-ada")
    assert not is_replayed(again)
    assert again.data["session_id"] != first.data["session_id"]


def test_a_login_that_failed_is_tried_again(ada: Mapping[str, Any], log_in: LogIn) -> None:
    for _ in range(2):
        assert log_in(password=NEW, Idempotency_Key="login-ada").status == 401
    with system_scope("test"):
        assert EventRow.select().where(EventRow.name == "auth.login_failed").count() == 2
        assert Idempotency.select().count() == 0


@pytest.mark.long
def test_an_answer_with_tokens_is_kept_for_a_minute(ada: Mapping[str, Any], log_in: LogIn) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        first = log_in(Idempotency_Key="login-ada")
        clock.shift(59)
        assert is_replayed(log_in(Idempotency_Key="login-ada"))
        clock.shift(1)
        assert log_in(Idempotency_Key="login-ada").data["session_id"] != first.data["session_id"]


def test_a_refresh_under_a_key_follows_the_rule_of_refresh_tokens(app: App, anonymous: Client, ada: Mapping[str, Any]) -> None:
    body = {"refresh_token": ada["refresh_token"]}
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        first = anonymous.post("/auth/refresh", body, Idempotency_Key="refresh-ada")
        clock.shift(RETRY_SECONDS - 1)
        assert anonymous.post("/auth/refresh", body, Idempotency_Key="refresh-ada").data == first.data
        clock.shift(2)
        assert anonymous.post("/auth/refresh", body, Idempotency_Key="refresh-ada").status == 401


@pytest.mark.long
def test_a_changed_password_is_confirmed_again(as_ada: Client) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    first, again = (as_ada.post("/auth/change-password", body, Idempotency_Key="change") for _ in range(2))
    assert (again.status, again.body) == (200, first.body)
    other = as_ada.post("/auth/change-password", {**body, "new_password": PASSWORD}, Idempotency_Key="change")
    assert other.codes == {"Idempotency-Key": ["idempotency_key_reused"]}


def test_after_logging_out_the_key_is_of_no_use(as_ada: Client) -> None:
    assert as_ada.post("/auth/logout", Idempotency_Key="logout").status == 200
    assert as_ada.post("/auth/logout", Idempotency_Key="logout").codes == {"_": ["invalid_token"]}


def _from(address: str, wsgi: Any) -> Any:
    """The same application, asked from elsewhere."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        return wsgi({**environ, "REMOTE_ADDR": address}, start_response)

    return application
