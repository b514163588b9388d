"""Jobs that only a worker of another version knows are left to it."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aasim_core.jobs.leases import CRASHES_UNTIL_DEAD
from aasim_core.jobs.records import JobRow
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.processes import ThisProcess
from aasim_core.worker import outcomes
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off

from .conftest import UMBRELLA

pytestmark = pytest.mark.usefixtures("as_a_worker")


@pytest.fixture
def bill(shop: Any) -> str:
    """A job of a kind that this version does not know."""
    job_id: str = shop.enqueue("bills.pay")
    del shop.jobs["bills.pay"]
    return job_id


def test_a_job_of_an_unknown_kind_stays_in_the_queue_as_it_was(shop: Any, bill: str) -> None:
    assert work_off(shop.app) == 1
    job = shop.job(bill)
    assert (job.state, job.attempt, job.error, job.lease_token is not None) == ("queued", 0, None, True)


def test_a_job_of_an_unknown_kind_is_done_by_a_worker_that_knows_it(shop: Any, bill: str) -> None:
    work_off(shop.app)
    shop.offers("bills.pay")
    assert work_off(shop.app) == 1
    assert shop.job(bill).state == "done"


def test_others_of_the_kind_are_not_claimed_and_keep_nobody_waiting(shop: Any, bill: str) -> None:
    for _ in range(5):
        shop.enqueue("bills.pay")
        shop.enqueue("bills.pay", organization=UMBRELLA)
    known = shop.enqueue("mail.send")
    del shop.jobs["bills.pay"]
    assert work_off(shop.app) == 2
    assert shop.job(known).state == "done"


def test_a_worker_that_leaves_all_that_is_ready_sees_nothing_to_claim(shop: Any, bill: str) -> None:
    leases = shop.leases()
    lease = leases.claim()
    assert leases.leave(lease)
    assert leases.claim() is None
    assert leases.may_have_ready() is bool(shop.database.for_update)


def test_a_kind_that_is_left_is_said_once(shop: Any, bill: str) -> None:
    shop.enqueue("bills.pay")
    del shop.jobs["bills.pay"]
    with capture_logs() as lines:
        work_off(shop.app)
    said = [line for line in lines if line["event"] == "jobs of this kind are left to a worker that knows them"]
    assert [(line["job"], line["job_id"], line["log_level"]) for line in said] == [("bills.pay", bill, "warning")]


def test_a_job_for_a_plugin_that_is_not_there_is_left_and_the_same_job_for_others_is_done(shop: Any) -> None:
    for_new = shop.enqueue("core.deliver", plugin="new")
    for_core = shop.enqueue("core.deliver", plugin="core")
    work_off(shop.app)
    assert (shop.job(for_new).state, shop.job(for_core).state) == ("queued", "done")


@pytest.mark.parametrize("plugin", ["new", "mail"])
def test_a_job_that_deals_with_missing_plugins_runs_where_the_plugin_is_off_or_in_no_process(shop: Any, plugin: str) -> None:
    shop.offers("core.turn", parks=False)
    job = shop.enqueue("core.turn", plugin=plugin)
    work_off(shop.app)
    assert shop.job(job).state == "done"


def test_it_is_left_where_another_process_has_the_plugin(shop: Any) -> None:
    shop.offers("core.turn", parks=False)
    with shop.database.connected():
        ThisProcess(shop.database, "worker", 1, ["new"]).beat()
    job = shop.enqueue("core.turn", plugin="new")
    work_off(shop.app)
    assert shop.job(job).state == "queued"


def test_what_was_left_is_claimed_again_when_the_other_process_has_gone(shop: Any) -> None:
    shop.offers("core.turn", parks=False)
    other, leases = ThisProcess(shop.database, "worker", 1, ["new"]), shop.leases()
    shop.enqueue("core.turn", plugin="new")
    with shop.database.connected():
        other.beat()
        leases.leave(leases.claim())
        maintenance = Maintenance(shop.app, leases, Presence(shop.data_dir))
        maintenance.unpark()
        assert leases.claim() is None
        other.leave()
        maintenance.unpark()
        assert leases.claim() is not None


def test_a_job_of_an_unknown_kind_is_not_given_up_by_who_cannot_say_what_that_means(shop: Any, bill: str, tmp_path: Path) -> None:
    for count in range(1, CRASHES_UNTIL_DEAD + 1):
        leases = shop.leases("worker-new")
        outcomes.crashed(shop.app, leases, leases.claim(), "its worker ended")
        assert (shop.job(bill).state, shop.job(bill).crash_count) == ("queued", count)
    given_up = []
    shop.offers("bills.pay", on_giving_up=lambda payload, reason, state: given_up.append(state))
    leases = shop.leases("worker-new")
    outcomes.crashed(shop.app, leases, leases.claim(), "its worker ended")
    assert (shop.job(bill).state, given_up) == ("dead", ["dead"])


def test_a_parked_job_of_an_unknown_kind_stays_parked(shop: Any, bill: str, tmp_path: Path) -> None:
    JobRow.update(state="parked").execute()
    assert Maintenance(shop.app, shop.leases(), Presence(tmp_path)).unpark() == 0
