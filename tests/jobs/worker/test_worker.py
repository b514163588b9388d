"""A worker's threads: what a job is given, and what becomes of it."""

import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import (
    EVERY_ORGANIZATION,
    Actor,
    acting_as,
    current_actor,
    current_request_id,
    current_scope,
    system_scope,
)
from aasim_core.jobs import GiveUp, Retry, enqueue
from aasim_core.testing.statements import recorded
from aasim_core.worker.runner import work_off

from ..conftest import ACME, heard

Context = Any
Payload = Mapping[str, Any]


def test_a_job_is_done_for_whom_and_on_whose_behalf_it_was_enqueued(shop: Any, told: Any) -> None:
    shop.offers("mail.send", lambda context, payload: told.put((current_scope(), current_actor(), current_request_id(), payload)))
    ada = Actor("user", "user_1", "Ada", "192.0.2.1")
    with shop.open():
        with acting_as(ada, "request-1"):
            job_id = shop.enqueue("mail.send", {"to": "bob"})
        assert heard(told) == (ACME, ada, "request-1", {"to": "bob"})
    assert shop.job(job_id).state == "done"


def test_a_job_of_the_system_is_done_in_a_system_scope(shop: Any, told: Any) -> None:
    shop.offers("core.tidy", lambda context, payload: told.put((current_scope(), context.organization_id)))
    with shop.open():
        with system_scope("test"), shop.database.transaction():
            enqueue("core.tidy", {})
        assert heard(told) == (EVERY_ORGANIZATION, None)


def test_the_context_names_the_run(shop: Any, told: Any) -> None:
    shop.offers(
        "mail.send",
        lambda context, payload: told.put(
            (context.job_id, context.name, context.organization_id, context.attempt, context.is_last_attempt, context.remaining())
        ),
        retry=Retry(max_attempts=1),
        time_limit=100,
    )
    with shop.open():
        job_id = shop.enqueue("mail.send")
        *facts, remaining = heard(told)
        assert facts == [job_id, "mail.send", ACME, 1, True]
        assert 50 < remaining <= 100


def test_jobs_are_done_at_the_same_time(shop: Any) -> None:
    together = threading.Barrier(4, timeout=60)
    shop.offers("mail.send", lambda context, payload: together.wait())
    with shop.open():
        for _ in range(4):
            shop.enqueue("mail.send")
    assert shop.states() == ["done"] * 4


@pytest.mark.parametrize("flags", [{"worker.poll_seconds": 60}])
def test_who_has_done_the_last_job_waits_for_a_ring_before_it_looks_again(shop: Any, told: Any) -> None:
    shop.offers("mail.send", lambda context, payload: told.put("done"))
    with shop.open() as worker:
        shop.wait_until(lambda: "unpark" in worker._last_turns)  # the maintenance at the start has notified, too
        shop.wait_until(lambda: len(worker._pool.idle_threads._idle) == shop.app.settings.worker.threads)
        with recorded(shop.database.for_claims()) as sent:
            for _ in range(3):
                shop.enqueue("mail.send")
                heard(told)
                shop.wait_until(lambda: len(worker._pool.idle_threads._idle) == shop.app.settings.worker.threads)
    claims = [statement for statement in sent if "lease_token" in statement.sql and "attempt + 1" in statement.sql]
    assert len(claims) == 3


@pytest.mark.parametrize("flags", [{"worker.poll_seconds": 60}])
def test_a_job_that_is_put_back_is_done_at_once(shop: Any, told: Any) -> None:
    def hand_back_once(context: Context, payload: Payload) -> None:
        told.put("begun")
        if told.qsize() == 1:
            context.hand_back()

    shop.offers("mail.send", hand_back_once)
    with shop.open():
        shop.enqueue("mail.send")
        shop.wait_until(lambda: told.qsize() == 2)


@pytest.mark.parametrize("flags", [{"worker.poll_seconds": 60}])
def test_a_job_that_waits_for_its_twin_is_done_when_that_ends(shop: Any, told: Any) -> None:
    may_end = threading.Event()
    shop.offers("mail.send", lambda context, payload: (told.put(payload["word"]), may_end.wait(60)))
    with shop.open() as worker:
        shop.enqueue("mail.send", {"word": "first"}, unique_key="one")
        assert heard(told) == "first"
        shop.enqueue("mail.send", {"word": "second"}, unique_key="one")
        shop.wait_until(lambda: len(worker._pool.idle_threads._idle) == shop.app.settings.worker.threads - 1)
        may_end.set()
        assert heard(told) == "second"


def test_a_job_that_raises_is_tried_again_later(shop: Any) -> None:
    def fail(context: Context, payload: Payload) -> None:
        raise ValueError("no such address")

    shop.offers("mail.send", fail, retry=Retry(max_attempts=3, base_seconds=100))
    with shop.open():
        job_id = shop.enqueue("mail.send")
    job = shop.job(job_id)
    assert (job.state, job.delayed, job.attempt) == ("queued", True, 1)
    assert timedelta(seconds=70) < job.run_at - now() < timedelta(seconds=130)
    assert job.error.startswith("ValueError: no such address (")
    assert "test_worker.py" in job.error


def test_delays_double_up_to_the_longest() -> None:
    retry = Retry(base_seconds=10, max_seconds=60)
    assert 8 <= retry.delay(1) <= 12
    assert 16 <= retry.delay(2) <= 24
    assert 48 <= retry.delay(9) <= 72
    assert 48 <= retry.delay(10_000) <= 72


@pytest.mark.long
def test_a_job_is_done_at_its_next_attempt(shop: Any, told: Any) -> None:
    def fail_once(context: Context, payload: Payload) -> None:
        told.put(context.attempt)
        if context.attempt == 1:
            raise ValueError

    shop.offers("mail.send", fail_once, retry=Retry(base_seconds=0.01))
    with shop.open():
        job_id = shop.enqueue("mail.send")
        assert (heard(told), heard(told)) == (1, 2)
    assert shop.job(job_id).state == "done"
    assert shop.job(job_id).error is None


def test_a_job_that_raises_at_its_last_attempt_has_failed_and_its_owner_is_told(shop: Any) -> None:
    told = []

    def fail(context: Context, payload: Payload) -> None:
        raise ValueError("no such address")

    def give_up(payload: Payload, reason: str, state: str) -> None:
        shop.database.current_transaction()
        told.append((current_scope(), payload, reason, state))

    shop.offers("mail.send", fail, retry=Retry(max_attempts=1), on_giving_up=give_up)
    with shop.open():
        job_id = shop.enqueue("mail.send", {"to": "bob"})
    assert shop.job(job_id).state == "failed"
    [(scope, payload, reason, state)] = told
    assert (scope, payload, state) == (ACME, {"to": "bob"}, "failed")
    assert reason == shop.job(job_id).error


def test_a_job_that_gives_up_is_not_tried_again(shop: Any) -> None:
    def give_up(context: Context, payload: Payload) -> None:
        raise GiveUp("the address was deleted")

    shop.offers("mail.send", give_up)
    with shop.open():
        job_id = shop.enqueue("mail.send")
    assert (shop.job(job_id).state, shop.job(job_id).error) == ("failed", "the address was deleted")


def test_a_job_fails_whatever_its_owner_makes_of_it(shop: Any) -> None:
    def fail(context: Context, payload: Payload) -> None:
        raise ValueError

    def raise_too(payload: Payload, reason: str, state: str) -> None:
        raise OSError

    shop.offers("mail.send", fail, retry=Retry(max_attempts=1), on_giving_up=raise_too)
    with shop.open():
        shop.enqueue("mail.send")
    assert shop.states() == ["failed"]


def test_a_job_that_exits_ends_no_thread(shop: Any) -> None:
    shop.offers("mail.send", lambda context, payload: sys.exit(3), retry=Retry(max_attempts=1))
    with shop.open():
        for _ in range(8):
            shop.enqueue("mail.send")
        done = threading.Event()
        shop.offers("mail.sort", lambda context, payload: done.set())
        shop.enqueue("mail.sort")
        assert done.wait(60)
    assert shop.states() == ["failed"] * 8 + ["done"]


def test_a_job_can_complete_itself_with_its_effect(shop: Any) -> None:
    def sort(context: Context, payload: Payload) -> None:
        with shop.database.transaction():
            enqueue("mail.send", {})
            context.complete()

    shop.offers("mail.send")
    shop.offers("mail.sort", sort)
    with shop.open():
        job_id = shop.enqueue("mail.sort")
    assert shop.job(job_id).state == "done"
    assert len(shop.states()) == 2


def test_a_job_can_ask_to_be_done_again_later(shop: Any) -> None:
    later = now() + timedelta(hours=1)
    shop.offers("mail.send", lambda context, payload: context.hand_back(later))
    with shop.open():
        job_id = shop.enqueue("mail.send")
    job = shop.job(job_id)
    assert (job.state, job.attempt, job.run_at) == ("queued", 0, later)


def test_the_jobs_that_are_ready_can_be_done_at_once(shop: Any) -> None:
    done = []
    shop.offers("mail.send", lambda context, payload: done.append(payload["number"]))
    for number in range(3):
        shop.enqueue("mail.send", {"number": number})
    assert work_off(shop.app) == 3
    assert done == [0, 1, 2]
    assert work_off(shop.app) == 0
