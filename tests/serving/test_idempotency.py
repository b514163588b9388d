"""Idempotency keys: done once, answered twice, on both databases, inside the request's transaction and outside of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import falcon
import peewee
import pytest
from falcon import testing

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import bind
from aasim_core.data.backends.postgres.database import PostgresDatabase
from aasim_core.data.database import Database
from aasim_core.errors import Refused
from aasim_core.http.request import Request, Response
from aasim_core.schemas.json_values import NO_BODY
from aasim_core.secrets import Keyring, new_key
from aasim_core.serving import idempotency
from aasim_core.serving.idempotency import Idempotency
from aasim_core.tenancy.principal import Principal

ADA = Principal("user", "user_ada", "org_a", 1, "Ada")
BOB = Principal("user", "user_bob", "org_a", 1, "Bob")
EVE = Principal("user", "user_ada", "org_e", 1, "Eve")
DAY = SimpleNamespace(keep_seconds=86_400)
MAKE = SimpleNamespace(method="POST", template="/agents", operation=DAY)
CLONE = SimpleNamespace(method="POST", template="/agents/{agent_id}/clone", operation=DAY)
ENTER = SimpleNamespace(method="POST", template="/auth/login", operation=SimpleNamespace(keep_seconds=60))
FOREVER = SimpleNamespace(should_stop=lambda: False)


class Caller:
    """Sends requests to an operation that counts how often it is done; `inside` the request's transaction, or outside of it."""

    def __init__(self, database: Database, *, inside: bool) -> None:
        self.inside = inside
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
        address: str = "192.0.2.1",
        fail: BaseException | None = None,
    ) -> Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        environ = testing.create_environ(path, method=endpoint.method, headers=headers, remote_addr=address)
        req, resp = Request(environ), Response()
        if principal is not None:
            req.caller = principal
        scope = nullcontext() if principal is None else organization_scope(principal.organization_id)
        with scope:
            self._send(endpoint, body, req, resp, fail)
        return resp

    def _send(self, endpoint: Any, body: Any, req: Request, resp: Response, fail: BaseException | None) -> None:
        once = idempotency.once if self.inside else idempotency.once_outside
        unit = self.database.transaction() if self.inside else nullcontext()
        with unit, once(self.app, endpoint, body, req, resp) as replayed:
            if not replayed:
                self._do(resp, fail)

    def _do(self, resp: Response, fail: BaseException | None) -> None:
        if fail is not None:
            raise fail
        self.done += 1
        resp.status = falcon.HTTP_201
        resp.location = f"/api/v1/agents/{self.done}"
        resp.data = f'{{"number":{self.done},"secret":"aasim_sk_once"}}'.encode()


@pytest.fixture(params=["inside", "outside"])
def caller(database: Database, request: pytest.FixtureRequest) -> Caller:
    bind(database, [Idempotency])
    return Caller(database, inside=request.param == "inside")


@pytest.fixture
def outsider(database: Database) -> Caller:
    """Of an operation that has transactions of its own."""
    bind(database, [Idempotency])
    return Caller(database, inside=False)


def kept() -> list[dict[str, Any]]:
    with system_scope("look at what is kept"):
        return list(Idempotency.select().dicts())


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


@pytest.mark.parametrize(("endpoint", "seconds"), [(MAKE, 86_400), (ENTER, 60)], ids=["a day", "a minute"])
def test_key_is_good_for_as_long_as_the_operation_says(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, endpoint: Any, seconds: int
) -> None:
    caller.send(endpoint=endpoint)
    in_time(monkeypatch, seconds - 5)
    caller.send(endpoint=endpoint)
    assert caller.done == 1
    in_time(monkeypatch, seconds)
    caller.send(endpoint=endpoint)
    assert caller.done == 2


def test_pruning_deletes_what_is_over_and_nothing_else(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caller.send("old")
    caller.send("old", principal=None)
    in_time(monkeypatch, 86_400)
    caller.send("new")
    with system_scope("a scheduled job"):
        idempotency.pruning_job().function(FOREVER, {})
    assert len(kept()) == 1


def test_request_that_is_sent_twice_at_once_is_done_once(caller: Caller) -> None:
    with running(caller) as end:
        if caller.inside and not isinstance(caller.database, PostgresDatabase):
            threading.Timer(0.1, end).start()  # writers take turns
            assert caller.send().get_header("Idempotency-Replayed") == "true"
        else:
            assert code_of(caller) == "idempotency_in_progress"
    assert caller.send().get_header("Idempotency-Replayed") == "true"
    assert caller.done == 1


def test_another_request_under_the_key_of_one_that_runs_is_refused_as_such(outsider: Caller) -> None:
    with running(outsider):
        assert code_of(outsider, body={"another": "body"}) == "idempotency_key_reused"


def test_request_whose_process_died_can_be_sent_again_after_some_minutes(
    outsider: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "_end_claim", lambda *_: None)
        outsider.send()
    assert code_of(outsider) == "idempotency_in_progress"
    in_time(monkeypatch, idempotency.CLAIM.total_seconds())
    outsider.send()
    assert outsider.done == 2


def test_request_that_outlived_its_claim_does_not_replace_the_answer_to_the_next_one(
    outsider: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(outsider):
        in_time(monkeypatch, idempotency.CLAIM.total_seconds())
        answer = outsider.send()
    assert outsider.done == 2
    assert outsider.send().data == answer.data


def test_answer_is_given_though_it_cannot_be_kept(outsider: Caller) -> None:
    done_before = outsider._do

    def lose_the_database(transaction: Any) -> None:
        raise peewee.OperationalError("gone")

    def do(resp: Response, fail: BaseException | None) -> None:
        done_before(resp, fail)
        outsider.database.before_commit = lose_the_database

    outsider._do = do
    assert outsider.send().data is not None


def in_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(idempotency, "now", lambda: now() + timedelta(seconds=seconds))


@contextmanager
def running(caller: Caller) -> Iterator[Callable[[], None]]:
    """A request that runs in another thread until what is yielded is called."""
    entered, leave, done_before = threading.Event(), threading.Event(), caller._do

    def slow(resp: Response, fail: BaseException | None) -> None:
        caller._do = done_before
        entered.set()
        assert leave.wait(60)
        done_before(resp, fail)

    def send() -> None:
        with caller.database.connected():
            caller.send()

    caller._do = slow
    thread = threading.Thread(target=send)
    thread.start()
    assert entered.wait(60)

    yield leave.set
    leave.set()
    thread.join()
