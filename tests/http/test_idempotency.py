"""Idempotency keys: done once, answered twice, on both databases."""

import threading
from types import SimpleNamespace
from typing import Any

import falcon
import pytest
from falcon import testing

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.connect import Database, bind
from aasim_core.data.postgres import PostgresDatabase
from aasim_core.errors import Refused
from aasim_core.http import idempotency
from aasim_core.http.idempotency import Idempotency, once
from aasim_core.http.request import Request, Response
from aasim_core.http.values import NO_BODY
from aasim_core.identity.principal import Principal
from aasim_core.secrets import Keyring, new_key

ADA = Principal("user", "user_ada", "org_a", 1, "Ada")
BOB = Principal("user", "user_bob", "org_a", 1, "Bob")
EVE = Principal("user", "user_ada", "org_e", 1, "Eve")
MAKE = SimpleNamespace(method="POST", template="/agents")
CLONE = SimpleNamespace(method="POST", template="/agents/{agent_id}/clone")
FOREVER = SimpleNamespace(should_stop=lambda: False)


class Caller:
    """Sends requests to an operation that counts how often it is done."""

    def __init__(self, database: Database) -> None:
        self.app: Any = SimpleNamespace(database=database, keyring=Keyring([new_key()]))
        self.database = database
        self.done = 0

    def send(
        self,
        key: str | None = "key-1",
        body: Any = NO_BODY,
        *,
        principal: Principal | None = ADA,
        endpoint: Any = MAKE,
        path: str = "/api/v1/agents",
        fail: Exception | None = None,
    ) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        req, resp = Request(testing.create_environ(path, method=endpoint.method, headers=headers)), Response()
        if principal is not None:
            req.principal = principal
        scope = organization_scope((principal or ADA).organization_id)
        with scope, self.database.transaction(), once(self.app, endpoint, body, req, resp) as replayed:
            if not replayed:
                self._do(resp, fail)
        return resp

    def _do(self, resp: Response, fail: Exception | None) -> None:
        if fail is not None:
            raise fail
        self.done += 1
        resp.status = falcon.HTTP_201
        resp.location = f"/api/v1/agents/{self.done}"
        resp.data = f'{{"number":{self.done},"secret":"aasim_sk_once"}}'.encode()


@pytest.fixture
def caller(database: Database) -> Caller:
    bind(database, [Idempotency])
    return Caller(database)


def code_of(caller: Caller, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refused) as caught:
        caller.send(*arguments, **options)
    return caught.value.code


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


def test_answer_is_not_kept_when_the_effect_is_not(caller: Caller) -> None:
    caller.database.before_commit = lambda transaction: 1 / 0
    with pytest.raises(ZeroDivisionError):
        caller.send()
    caller.database.before_commit = None
    assert caller.send().get_header("Idempotency-Replayed") is None


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "\x7f", "schlüssel"])
def test_malformed_key_is_refused(caller: Caller, key: str) -> None:
    assert code_of(caller, key) == "invalid_parameter"


def test_other_methods_and_anonymous_callers_have_no_keys(caller: Caller) -> None:
    for _ in range(2):
        caller.send(endpoint=SimpleNamespace(method="PUT", template="/agents"))
        caller.send(principal=None)
    assert caller.done == 4


def test_answer_is_kept_sealed(caller: Caller) -> None:
    caller.send(body={"password": "s3cret"})
    with system_scope("look at what is kept"):
        kept = str(list(Idempotency.select().dicts()))
    assert "aasim_sk_once" not in kept
    assert "s3cret" not in kept
    assert "key-1" not in kept


def test_key_is_good_for_a_day(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caller.send()
    monkeypatch.setattr(idempotency, "now", lambda: now() + idempotency.KEEP)
    caller.send()
    assert caller.done == 2


def test_pruning_deletes_what_is_over_and_nothing_else(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caller.send("old")
    with monkeypatch.context() as later:
        later.setattr(idempotency, "now", lambda: now() + idempotency.KEEP)
        caller.send("new")
        with system_scope("a scheduled job"):
            idempotency.pruning_job().function(FOREVER, {})
            assert Idempotency.select().count() == 1


def test_request_that_is_sent_twice_at_once_is_done_once(caller: Caller) -> None:
    entered, leave = threading.Event(), threading.Event()
    done_before = caller._do

    def slow(resp: Response, fail: Exception | None) -> None:
        entered.set()
        assert leave.wait(10)
        done_before(resp, fail)

    caller._do = slow
    first = threading.Thread(target=_in_own_connection, args=(caller,))
    first.start()
    assert entered.wait(10)
    if isinstance(caller.database, PostgresDatabase):
        assert code_of(caller) == "idempotency_in_progress"
        leave.set()
    else:
        threading.Timer(0.1, leave.set).start()
    caller._do = done_before
    if isinstance(caller.database, PostgresDatabase):
        first.join()
    assert caller.send().get_header("Idempotency-Replayed") == "true"
    first.join()
    assert caller.done == 1


def _in_own_connection(caller: Caller) -> None:
    with caller.database.connected():
        caller.send()
