"""Idempotency keys in time: how long one is good, requests that overlap, and one whose process died."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data.backends.postgres.database import PostgresDatabase
from aasim_core.http.request import Response
from aasim_core.serving import idempotency

from .callers import ENTER, MAKE, Caller, code_of, kept

FOREVER = SimpleNamespace(should_stop=lambda: False)


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
