"""Leases: what is written about a job is written by its holder, and by nobody who lost it."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.faults import Unconfirmed
from aasim_core.data.persistence import patient
from aasim_core.jobs import JobContext, LeaseLost, enqueue
from aasim_core.jobs.lease import Lease
from aasim_core.jobs.leases import Leases

from .claims import claim
from .conftest import ACME, Shop

pytestmark = pytest.mark.usefixtures("as_a_worker")


def context_of(lease: Lease, leases: Leases) -> JobContext:
    """What the job's function would be given."""
    return JobContext(lease, leases, deadline=float("inf"), draining=lambda: False)


def test_effect_and_completion_commit_together(shop: Any) -> None:
    job_id, other = shop.enqueue("mail.send"), None
    leases = shop.leases()
    lease = claim(leases)
    context = context_of(lease, leases)
    with organization_scope(ACME), shop.database.transaction():
        other = enqueue("mail.send", {})
        context.complete()
        assert not context.settled
    assert context.settled
    assert (shop.job(job_id).state, shop.job(other).state) == ("done", "queued")
    assert shop.job(job_id).finished_at is not None


def test_a_completion_is_undone_with_the_effect(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    leases = shop.leases()
    context = context_of(claim(leases), leases)

    def complete_and_fail() -> None:
        with organization_scope(ACME), shop.database.transaction():
            context.complete()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        complete_and_fail()
    assert shop.job(job_id).state == "running"
    assert not context.settled


@pytest.mark.parametrize("write", ["complete", "hand_back", "fence", "checkpoint"])
def test_whoever_lost_the_lease_writes_nothing(shop: Any, write: str) -> None:
    job_id = shop.enqueue("mail.send")
    leases, others = shop.leases("worker-1-x"), shop.leases("worker-2-x")
    lost = claim(leases)
    others.requeue_crashed(lost, "gone")
    theirs = claim(others)

    def write_too_late() -> None:
        with organization_scope(ACME), shop.database.transaction():
            enqueue("mail.send", {})
            getattr(context_of(lost, leases), write)()

    with pytest.raises(LeaseLost):
        write_too_late()
    assert shop.states() == ["running"]
    assert shop.job(job_id).lease_token == theirs.token


def test_an_effect_is_refused_even_when_the_loss_is_swallowed(shop: Any) -> None:
    shop.enqueue("mail.send")
    leases = shop.leases()
    lost = claim(leases)
    leases.requeue_crashed(lost, "gone")

    def swallow_the_loss() -> None:
        with organization_scope(ACME), shop.database.transaction():
            enqueue("mail.send", {})
            with suppress(LeaseLost):
                context_of(lost, leases).fence()

    with pytest.raises(RuntimeError, match="nothing was written"):
        swallow_the_loss()
    assert shop.states() == ["queued"]


def test_a_lease_of_one_run_is_none_of_the_next_run_by_the_same_worker(shop: Any) -> None:
    shop.enqueue("mail.send")
    leases = shop.leases()
    first = claim(leases)
    leases.hand_back(first)
    second = claim(leases)
    with pytest.raises(LeaseLost):
        leases.complete(first)
    leases.complete(second)
    assert shop.states() == ["done"]


def test_a_job_that_is_handed_back_has_not_used_up_an_attempt(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    leases = shop.leases()
    leases.hand_back(claim(leases))
    assert (shop.job(job_id).state, shop.job(job_id).attempt, shop.job(job_id).delayed) == ("queued", 0, False)
    leases.hand_back(claim(leases), now() + timedelta(hours=1))
    assert (shop.job(job_id).attempt, shop.job(job_id).delayed) == (0, True)


def test_a_job_gives_way_to_one_with_its_key_that_waits_already(shop: Any) -> None:
    leases = shop.leases()
    first = shop.enqueue("mail.send", unique_key="a")
    lease = claim(leases)
    second = shop.enqueue("mail.send", unique_key="a")
    leases.retry(lease, now() + timedelta(hours=1), "no answer")
    assert (shop.job(first).state, shop.job(second).state) == ("cancelled", "queued")
    assert "same unique key" in shop.job(first).error


def test_a_checkpoint_forgets_crashes(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    leases = shop.leases()
    leases.requeue_crashed(claim(leases), "gone")
    lease = claim(leases)
    with organization_scope(ACME):
        context_of(lease, leases).fence()
        assert shop.job(job_id).crash_count == 1
        context_of(lease, leases).checkpoint()
    assert shop.job(job_id).crash_count == 0


def test_a_job_that_is_handed_back_after_a_checkpoint_has_not_crashed(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    leases = shop.leases()
    leases.requeue_crashed(claim(leases), "gone")
    lease = claim(leases)
    with organization_scope(ACME):
        context_of(lease, leases).checkpoint()
        context_of(lease, leases).hand_back()
    assert shop.job(job_id).crash_count == 0


def test_a_heartbeat_is_given_for_the_workers_own_jobs(shop: Any) -> None:
    mine, theirs = shop.enqueue("mail.send"), shop.enqueue("mail.send")
    leases, others = shop.leases("worker-1-x"), shop.leases("worker-2-x")
    assert (claim(leases).job_id, claim(others).job_id) == (mine, theirs)
    before = [shop.job(job).heartbeat_at for job in (mine, theirs)]
    while shop.job(mine).heartbeat_at == before[0]:
        leases.heartbeat()
    assert shop.job(theirs).heartbeat_at == before[1]


def test_a_very_long_error_is_cut(shop: Any) -> None:
    job_id = shop.enqueue("mail.send")
    leases = shop.leases()
    leases.retry(claim(leases), now(), "x" * 100_000)
    assert len(shop.job(job_id).error) == 2000


@pytest.mark.long
def test_a_write_that_was_committed_without_an_answer_is_not_made_again(shop: Shop) -> None:
    shop.enqueue("probe")
    leases, times = shop.leases(), []
    lease = claim(leases)

    def complete() -> None:
        times.append(1)
        leases.complete(lease)
        raise Unconfirmed("the connection was lost")

    with patient(5):
        leases.persist(lease, complete)
    assert (times, shop.job(lease.job_id).state) == ([1], "done")


@pytest.mark.long
def test_a_write_that_was_undone_without_an_answer_is_made_again(shop: Shop) -> None:
    shop.enqueue("probe")
    leases, times = shop.leases(), []
    lease = claim(leases)

    def complete() -> None:
        times.append(1)
        with shop.database.transaction():
            leases.complete(lease)
            if len(times) == 1:
                raise Unconfirmed("the connection was lost")

    with patient(5):
        leases.persist(lease, complete)
    assert (times, shop.job(lease.job_id).state) == ([1, 1], "done")
