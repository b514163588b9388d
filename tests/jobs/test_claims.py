"""Claims: which job is next, for whom, and that nobody else has it too."""

import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs import enqueue

from .claims import a_quarter_of_a_second_later, claim, claim_all
from .conftest import ACME, UMBRELLA

pytestmark = pytest.mark.usefixtures("as_a_worker")


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
    a_quarter_of_a_second_later(leases)
    assert claim(leases).read_payload()["word"] == "urgent"


def test_an_organization_whose_job_has_come_has_the_next_turn_soon(shop: Any) -> None:
    leases = shop.leases()
    for _ in range(3):
        shop.enqueue("mail.send", organization=UMBRELLA)
    assert claim(leases).organization_id == claim(leases).organization_id == UMBRELLA
    shop.enqueue("mail.send")
    a_quarter_of_a_second_later(leases)
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


@pytest.mark.long
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
