"""Leases: who may do a job, in which order, and that nobody else writes about it."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.faults import Unconfirmed
from aasim_core.data.persistence import patient
from aasim_core.jobs import JobContext, LeaseLost, enqueue
from aasim_core.jobs.lease import Lease
from aasim_core.jobs.leases import Leases

from .conftest import ACME, UMBRELLA, Shop


@pytest.fixture(autouse=True)
def _as_a_worker() -> Iterator[None]:
    with system_scope("test"):
        yield


def claim(leases: Leases) -> Lease:
    """Claim a job that must be there."""
    lease = leases.claim()
    assert lease is not None
    return lease


def claim_all(leases: Leases) -> list[str]:
    """Claim until there is nothing more; returns the words of the payloads."""
    words = []
    while lease := leases.claim():
        words.append(lease.read_payload()["word"])
    return words


def context_of(lease: Lease, leases: Leases) -> JobContext:
    """What the job's function would be given."""
    return JobContext(lease, leases, deadline=float("inf"), draining=lambda: False)


def test_a_claim_takes_the_job_and_starts_an_attempt(shop: Any) -> None:
    job_id = shop.enqueue("mail.send", {"to": "bob"})
    lease = claim(shop.leases("worker-7-x"))
    job = shop.job(job_id)
    assert (lease.job_id, lease.read_payload(), lease.attempt) == (job_id, {"to": "bob"}, 1)
    assert (job.state, job.lease_owner, job.attempt) == ("running", "worker-7-x", 1)
    assert job.lease_token == lease.token
    assert job.heartbeat_at is not None


def test_there_is_nothing_to_claim_in_an_empty_queue(shop: Any) -> None:
    assert shop.leases().claim() is None


def test_before_a_claim_would_take_a_lock_it_is_looked_whether_there_is_a_job(shop: Any) -> None:
    leases = shop.leases()
    assert leases.may_have_ready() is bool(shop.database.for_update)
    shop.enqueue("mail.send")
    assert leases.may_have_ready()


def test_whoever_claims_learns_whether_there_are_others(shop: Any) -> None:
    shop.enqueue("mail.send")
    shop.enqueue("mail.send")
    leases = shop.leases()
    assert [claim(leases).is_last, claim(leases).is_last] == [False, True]


def test_after_the_last_job_there_may_be_one_only_if_it_waited_for_the_end(shop: Any) -> None:
    leases = shop.leases()
    shop.enqueue("mail.send")
    first = claim(leases)
    assert not first.may_be_followed
    leases.requeue_crashed(first, "its worker ended")
    assert claim(leases).may_be_followed
    shop.enqueue("mail.send", unique_key="one")
    assert claim(leases).may_be_followed


def test_jobs_that_are_delayed_parked_or_over_are_not_claimed(shop: Any) -> None:
    shop.enqueue("mail.send", run_at=now() + timedelta(hours=1))
    shop.enqueue("mail.send")
    leases = shop.leases()
    leases.complete(claim(leases))
    shop.enqueue("mail.send")
    leases.park(claim(leases), "off")
    assert leases.claim() is None


def test_the_ready_jobs_of_an_organization_go_by_priority_and_then_by_age(shop: Any) -> None:
    for word, priority in (("old", 0), ("urgent", 9), ("young", 0), ("idle", -1)):
        shop.enqueue("mail.send", {"word": word}, priority=priority)
    assert claim_all(shop.leases()) == ["urgent", "old", "young", "idle"]


def test_what_is_more_urgent_than_the_last_job_is_seen_soon(shop: Any) -> None:
    leases = shop.leases()
    for number in range(4):
        shop.enqueue("mail.send", {"word": number})
    assert claim(leases).read_payload()["word"] == 0
    shop.enqueue("mail.send", {"word": "urgent"}, priority=9)
    leases._leave_at = 0.0  # as after a quarter of a second
    assert claim(leases).read_payload()["word"] == "urgent"


def test_an_organization_whose_job_has_just_come_has_the_next_turn(shop: Any) -> None:
    leases = shop.leases()
    for _ in range(3):
        shop.enqueue("mail.send", organization=UMBRELLA)
    assert claim(leases).organization_id == claim(leases).organization_id == UMBRELLA
    shop.enqueue("mail.send")
    assert claim(leases).organization_id == ACME


def test_organizations_take_turns_however_much_one_of_them_has(shop: Any) -> None:
    for number in range(5):
        shop.enqueue("mail.send", {"word": f"acme-{number}"}, priority=9)
    for number in range(2):
        shop.enqueue("mail.send", {"word": f"umbrella-{number}"}, organization=UMBRELLA)
    assert claim_all(shop.leases()) == ["acme-0", "umbrella-0", "acme-1", "umbrella-1", "acme-2", "acme-3", "acme-4"]


def test_two_jobs_with_one_key_do_not_run_at_the_same_time(shop: Any) -> None:
    leases = shop.leases()
    shop.enqueue("mail.send", {"word": "first"}, unique_key="a")
    first = claim(leases)
    second = shop.enqueue("mail.send", {"word": "second"}, unique_key="a")
    shop.enqueue("mail.send", {"word": "other"}, unique_key="b")
    assert claim_all(leases) == ["other"]
    leases.complete(first)
    assert claim(leases).job_id == second


def test_no_job_is_claimed_twice_by_threads(shop: Any) -> None:
    with organization_scope(ACME), shop.database.transaction():
        shop.offers("mail.send")
        for number in range(200):
            enqueue("mail.send", {"word": str(number)})
    claimed: list[str] = []

    def work(number: int) -> None:
        leases = shop.leases(f"worker-{number}-x")
        with shop.database.connected(), system_scope("test"):
            claimed.extend(claim_all(leases))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(claimed) == Counter(map(str, range(200)))


CLAIMER = """
import sys
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import bind, connect
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.records import RECORDS

url, role, name = sys.argv[1:]
database = connect(url, role=role or None, durability="normal", wait_seconds=30)
bind(database, RECORDS)
print("ready", flush=True)
sys.stdin.readline()
leases = Leases(database, name)
with database.connected(), system_scope("test"):
    while lease := leases.claim():
        print(lease.job_id)
        leases.complete(lease)
"""


def test_no_job_is_claimed_twice_by_processes(shop: Any, database_url: str, app_role: str | None) -> None:
    ids = [shop.enqueue("mail.send", organization=(ACME, UMBRELLA)[number % 2]) for number in range(200)]
    command = [sys.executable, "-c", CLAIMER, database_url, app_role or ""]
    workers = [
        subprocess.Popen([*command, f"worker-{number}-x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = [worker.communicate("go\n")[0].split() for worker in workers]
    assert Counter(job for answer in answers for job in answer) == Counter(ids)
    assert set(shop.states()) == {"done"}


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


@pytest.mark.parametrize("databases", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_claim_waits_for_no_other_worker(shop: Any) -> None:
    first, second = shop.enqueue("mail.send"), shop.enqueue("mail.send")
    claimed = []

    def claim_beside() -> None:
        with shop.database.connected(), system_scope("test"):
            claimed.append(claim(shop.leases("worker-2-x")).job_id)

    with shop.database.transaction():
        assert shop.leases().claim().job_id == first
        thread = threading.Thread(target=claim_beside)
        thread.start()
        thread.join(60)
    assert claimed == [second]


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
