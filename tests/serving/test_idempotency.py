"""Idempotency keys: done once, answered twice, on both databases, inside the request's transaction and outside of it."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import falcon
import peewee
import pytest

from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.errors import Refused
from aasim_core.http.request import Response
from aasim_core.schemas.json_values import NO_BODY
from aasim_core.serving.idempotency import Idempotency
from aasim_core.tenancy.principal import Principal

from .callers import ADA, DAY, ENTER, MAKE, Caller, code_of, kept

BOB = Principal("user", "user_bob", "org_a", 1, "Bob")


EVE = Principal("user", "user_ada", "org_e", 1, "Eve")


CLONE = SimpleNamespace(method="POST", template="/agents/{agent_id}/clone", operation=DAY)


def test_request_that_is_sent_again_is_answered_again_and_done_once(caller: Caller) -> None:
    first, second = caller.send(body={"name": "a", "tags": [1]}), caller.send(body={"tags": [1], "name": "a"})
    assert caller.done == 1
    assert (second.data, falcon.http_status_to_code(second.status)) == (first.data, 201)
    assert second.get_header("Location") == first.get_header("Location")
    assert second.get_header("Idempotency-Replayed") == "true"
    assert first.get_header("Idempotency-Replayed") is None


def test_requests_without_a_key_are_all_done(caller: Caller) -> None:
    caller.send(None)
    caller.send(None)
    assert caller.done == 2


@pytest.mark.parametrize("body", [{"name": "b"}, {}, [], None, {"name": "a", "x": 1}])
def test_another_body_under_the_same_key_is_refused(caller: Caller, body: Any) -> None:
    caller.send(body={"name": "a"})
    assert code_of(caller, body=body) == "idempotency_key_reused"
    assert caller.done == 1


def test_another_object_under_the_same_key_is_refused(caller: Caller) -> None:
    caller.send(endpoint=CLONE, path="/api/v1/agents/1/clone")
    assert code_of(caller, endpoint=CLONE, path="/api/v1/agents/2/clone") == "idempotency_key_reused"


@pytest.mark.parametrize(
    "other", [{"principal": BOB}, {"principal": EVE}, {"endpoint": CLONE}, {"key": "key-2"}], ids=lambda other: next(iter(other))
)
def test_key_is_the_callers_own_for_one_operation(caller: Caller, other: dict[str, Any]) -> None:
    caller.send()
    caller.send(**other)
    assert caller.done == 2


def test_request_that_failed_can_be_sent_again_under_its_key(caller: Caller) -> None:
    assert code_of(caller, fail=Refused("validation_failed", "No.")) == "validation_failed"
    caller.send(body={"name": "mended"})
    assert caller.done == 1


def test_answer_is_not_kept_when_the_effect_is_not(database: Database) -> None:
    bind(database, [Idempotency])
    caller = Caller(database, inside=True)
    database.before_commit = lambda transaction: 1 / 0
    with pytest.raises(ZeroDivisionError):
        caller.send()
    database.before_commit = None
    assert caller.send().get_header("Idempotency-Replayed") is None


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "\x7f", "schlüssel"])
def test_malformed_key_is_refused(caller: Caller, key: str) -> None:
    assert code_of(caller, key) == "invalid_parameter"


def test_other_methods_have_no_keys(caller: Caller) -> None:
    for _ in range(2):
        caller.send(endpoint=SimpleNamespace(method="PUT", template="/agents"))
    assert caller.done == 2


@pytest.mark.parametrize("principal", [ADA, None], ids=["known", "unknown"])
def test_answer_is_kept_sealed(caller: Caller, principal: Principal | None) -> None:
    caller.send(body={"password": "s3cret"}, principal=principal)
    text = str(kept())
    assert len(kept()) == 1
    assert not [secret for secret in ("aasim_sk_once", "s3cret", "key-1") if secret in text]


def test_caller_whom_nobody_knows_is_answered_again(caller: Caller) -> None:
    first, second = (caller.send(body={"password": "a"}, principal=None, endpoint=ENTER) for _ in range(2))
    assert second.data == first.data
    assert second.get_header("Idempotency-Replayed") == "true"


@pytest.mark.parametrize(
    "other",
    [{"body": {"password": "b"}}, {"body": NO_BODY}, {"address": "198.51.100.1"}, {"principal": ADA}, {"endpoint": MAKE}],
    ids=["another password", "no body", "another network", "somebody known", "another route"],
)
def test_nobody_else_is_given_the_answer_to_a_caller_whom_nobody_knows(caller: Caller, other: dict[str, Any]) -> None:
    caller.send(body={"password": "a"}, principal=None, endpoint=ENTER)
    answer = caller.send(**{"body": {"password": "a"}, "principal": None, "endpoint": ENTER, **other})
    assert answer.get_header("Idempotency-Replayed") is None
    assert caller.done == 2


def test_known_caller_is_not_given_what_one_whom_nobody_knows_was_answered(caller: Caller) -> None:
    ghost = replace(ADA, user_id="192.0.2.0/24", organization_id="org_a")
    caller.send(principal=None)
    caller.send(principal=ghost)
    assert caller.done == 2


def test_answer_is_given_though_it_cannot_be_kept(outsider: Caller) -> None:
    done_before = outsider._do

    def lose_the_database(transaction: Any) -> None:
        raise peewee.OperationalError("gone")

    def do(resp: Response, fail: BaseException | None) -> None:
        done_before(resp, fail)
        outsider.database.before_commit = lose_the_database

    outsider._do = do
    assert outsider.send().data is not None
