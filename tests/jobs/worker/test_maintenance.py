"""Taking over from dead workers, and what becomes of jobs that take workers with them."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aasim_core.clock import now
from aasim_core.context import current_scope
from aasim_core.jobs.records import JobRow
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.worker.maintenance import Maintenance

from ..conftest import ACME

ELSEWHERE = "otherhost-1-x"

pytestmark = pytest.mark.usefixtures("as_a_worker")


class Clock:
    """Seconds that pass when the test says so."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def maintenance(shop: Any, tmp_path: Path, clock: Clock) -> Maintenance:
    return Maintenance(shop.app, shop.leases("me-1-x"), Presence(tmp_path), clock)


def test_a_job_whose_worker_is_silent_for_longer_than_the_lease_is_done_again(
    shop: Any, maintenance: Maintenance, clock: Clock
) -> None:
    job_id = shop.enqueue("mail.send")
    shop.leases(ELSEWHERE).claim()
    assert maintenance.take_over() == 0
    clock.seconds += 60
    assert maintenance.take_over() == 0
    clock.seconds += 1
    assert maintenance.take_over() == 1
    job = shop.job(job_id)
    assert (job.state, job.attempt, job.crash_count, job.delayed) == ("queued", 0, 1, False)
    assert job.error == f"its worker {ELSEWHERE} gave no sign of life; that was crash 1 of 3"


def test_a_worker_that_gives_signs_of_life_keeps_its_job(shop: Any, maintenance: Maintenance, clock: Clock) -> None:
    job_id = shop.enqueue("mail.send")
    theirs = shop.leases(ELSEWHERE)
    theirs.claim()
    for _ in range(5):
        seen = shop.job(job_id).heartbeat_at
        while shop.job(job_id).heartbeat_at == seen:
            theirs.heartbeat()
        assert maintenance.take_over() == 0
        clock.seconds += 50
    assert shop.job(job_id).state == "running"


def test_the_clocks_of_other_machines_do_not_matter(shop: Any, maintenance: Maintenance, clock: Clock) -> None:
    job_id = shop.enqueue("mail.send")
    shop.leases(ELSEWHERE).claim()
    long_ago = now() - timedelta(days=1)
    with shop.database.transaction():
        JobRow.update(heartbeat_at=long_ago, started_at=long_ago).execute()
    assert maintenance.take_over() == 0
    clock.seconds += 30
    assert maintenance.take_over() == 0
    assert shop.job(job_id).state == "running"


def test_a_workers_own_jobs_are_not_taken_from_it(shop: Any, maintenance: Maintenance, clock: Clock) -> None:
    shop.enqueue("mail.send")
    shop.leases("me-1-x").claim()
    maintenance.take_over()
    clock.seconds += 1000
    assert maintenance.take_over() == 0


@pytest.mark.long
def test_a_worker_of_this_machine_that_ended_loses_its_jobs_at_once(shop: Any, maintenance: Maintenance, tmp_path: Path) -> None:
    job_id = shop.enqueue("mail.send")
    script = "import sys; from pathlib import Path; from aasim_core.jobs.worker_liveness import Presence; "
    script += "print(Presence(Path(sys.argv[1])).enter(), flush=True); sys.stdin.read()"
    worker = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout is not None
        name, other = worker.stdout.readline().strip(), Presence(tmp_path).enter()
        shop.leases(name).claim()
        assert maintenance.take_over() == 0
        worker.kill()
    assert maintenance.take_over() == 1
    assert shop.job(job_id).error == f"its worker {name} ended; that was crash 1 of 3"
    assert [path.name for path in (tmp_path / "workers").iterdir()] == [f"{other}.lock"]


def test_a_worker_elsewhere_is_never_known_to_be_dead(tmp_path: Path) -> None:
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / f"{ELSEWHERE}.lock").touch()
    assert not Presence(tmp_path).is_dead(ELSEWHERE)


def test_a_worker_that_left_no_trace_is_not_known_to_be_dead(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    name = presence.enter()
    presence.leave(name)
    assert not presence.is_dead(name)


def test_after_three_crashes_a_job_is_dead_and_its_owner_is_told(shop: Any, maintenance: Maintenance, clock: Clock) -> None:
    told = []
    shop.offers("mail.send", on_giving_up=lambda payload, *told_of: told.append((current_scope(), payload, *told_of)))
    job_id = shop.enqueue("mail.send", {"to": "bob"})
    for count in range(1, 4):
        shop.leases(f"otherhost-{count}-x").claim()
        maintenance.take_over()
        clock.seconds += 61
        assert maintenance.take_over() == 1
    job = shop.job(job_id)
    assert (job.state, job.error) == ("dead", "its worker otherhost-3-x gave no sign of life; that was crash 3 of 3")
    assert told == [(ACME, {"to": "bob"}, job.error, "dead")]


def test_a_dead_job_whose_plugin_is_off_is_dead_all_the_same(shop: Any, maintenance: Maintenance, clock: Clock) -> None:
    job_id = shop.enqueue("mail.send")
    with shop.database.transaction():
        JobRow.update(crash_count=2).execute()
    shop.leases(ELSEWHERE).claim()
    del shop.jobs["mail.send"]
    maintenance.take_over()
    clock.seconds += 61
    maintenance.take_over()
    assert shop.job(job_id).state == "dead"


def test_two_workers_take_over_a_job_once(shop: Any, maintenance: Maintenance, clock: Clock, tmp_path: Path) -> None:
    other = Maintenance(shop.app, shop.leases("me-2-x"), Presence(tmp_path), clock)
    job_id = shop.enqueue("mail.send")
    shop.leases(ELSEWHERE).claim()
    assert (maintenance.take_over(), other.take_over()) == (0, 0)
    clock.seconds += 61
    assert (maintenance.take_over(), other.take_over()) == (1, 0)
    assert shop.job(job_id).crash_count == 1


def test_delayed_jobs_are_made_ready_when_their_time_has_come(shop: Any, maintenance: Maintenance) -> None:
    due = shop.enqueue("mail.send", run_at=now() + timedelta(hours=1))
    later = shop.enqueue("mail.send", run_at=now() + timedelta(hours=2))
    assert not maintenance.make_ready()
    with shop.database.transaction():
        JobRow.update(run_at=now()).where(JobRow.id == due).execute()
    assert maintenance.make_ready()
    assert (shop.job(due).delayed, shop.job(later).delayed) == (False, True)


def test_what_takes_long_is_done_less_often(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moment, done = [0.0], []

    def take_two_seconds() -> None:
        done.append(moment[0])
        moment[0] += 2

    with shop.open() as worker:
        pass
    monkeypatch.setattr("aasim_core.process.worker.time", SimpleNamespace(monotonic=lambda: moment[0]))
    for _ in range(60):
        worker._at_intervals("test", 0, take_two_seconds)
        moment[0] += 1
    assert done == [0, 40], "it takes a twentieth of the time"
