"""No statement of a worker reads the whole job table, also behind row-level security."""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.jobs import administration, depth, enqueue
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.pruning import prune
from aasim_core.jobs.records import JobRow
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.statements import Sent, plan_of, recorded
from aasim_core.worker.maintenance import Maintenance

from .conftest import ACME, UMBRELLA, Shop

WHOLE_TABLE = re.compile(r'Seq Scan on core_job|^SCAN "?core_job"?(?! .*USING)', re.MULTILINE)

pytestmark = pytest.mark.usefixtures("as_a_worker")


class Goes:
    """A context that never asks to stop."""

    def should_stop(self) -> bool:
        return False


def work(shop: Shop, data_dir: Path) -> None:
    """Everything that a worker and those who enqueue do to the table."""
    leases = shop.leases()
    maintenance = Maintenance(shop.app, leases, Presence(data_dir))
    shop.enqueue("mail.send", unique_key="a", run_at=now() + timedelta(milliseconds=300))
    shop.wait_until(maintenance.make_ready)
    leases.may_have_ready()
    lease = leases.claim()
    assert lease is not None
    leases.heartbeat()
    maintenance.take_over()
    with organization_scope(ACME), shop.database.transaction():
        leases.renew(lease, progress=True)
        leases.hand_back(lease)
    leases.complete(leases.claim())  # type: ignore[arg-type]
    shop.enqueue("mail.send")
    leases.park(leases.claim(), "off")  # type: ignore[arg-type]
    maintenance.unpark()
    administration.find_jobs(state="dead")
    prune(Goes(), {})  # type: ignore[arg-type]
    with organization_scope(ACME):
        depth(10)


@pytest.mark.long
def test_no_statement_reads_the_whole_table(shop: Shop, tmp_path: Path) -> None:
    with recorded(shop.database) as seen:
        work(shop, tmp_path)
    if shop.database.for_update:
        shop.database.execute_sql("SET enable_seqscan = off")  # so that a scan is left only where no index can be used
    looking = [statement for statement in seen if "core_job" in statement.sql and not statement.sql.startswith("INSERT")]
    plans = [(statement.sql, plan_of(shop.database, statement)) for statement in looking]
    bad = [f"{sql}\n{plan}" for sql, plan in plans if WHOLE_TABLE.search(plan)]
    assert len(seen) > 15
    assert not bad, "\n\n".join(bad)


def enqueue_some(shop: Shop, count: int) -> None:
    with organization_scope(ACME), shop.database.transaction():
        for _ in range(count):
            enqueue("mail.send", {})


def recorded_claim(shop: Shop, leases: Leases) -> Sent:
    """The statement of a claim that finds a job."""
    with recorded(shop.database.for_claims()) as seen:
        assert leases.claim() is not None
    return next(statement for statement in seen if statement.sql.startswith("UPDATE"))


def blocks_of_a_claim(shop: Shop, leases: Leases) -> int:
    """How many blocks of PostgreSQL's memory the statement of a claim goes through."""
    claims = shop.database.for_claims()
    claim = recorded_claim(shop, leases)
    with claims.connected():
        [explained] = claims.run_rendered(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {claim.sql}", claim.parameters, 0).fetchone()
    return int(explained[0]["Plan"]["Shared Hit Blocks"])


def test_a_claim_does_not_read_all_that_waits(shop: Shop) -> None:
    shop.offers("mail.send")
    for _ in range(60):
        enqueue_some(shop, 30)
        latest = JobRow.select(JobRow.id).order_by(JobRow.id.desc()).limit(20)
        JobRow.update(state="done").where(JobRow.id.in_(list(latest))).execute()
    claims = shop.database.for_claims()
    claim = recorded_claim(shop, shop.leases())
    with claims.connected():
        plan = plan_of(claims, claim)
    assert "core_job_ready" in plan
    assert not re.search("Sort|Bitmap|TEMP B-TREE", plan), plan


def test_a_claim_of_what_has_just_come_sorts_nothing(shop: Shop) -> None:
    shop.offers("mail.send")
    enqueue_some(shop, 30)
    leases = shop.leases()
    leases._claims._survey_at = math.inf
    claims = shop.database.for_claims()
    claim = recorded_claim(shop, leases)
    with claims.connected():
        plan = plan_of(claims, claim)
    assert "core_job_recent" in plan
    assert not re.search("Sort|Bitmap|TEMP B-TREE", plan), plan


@pytest.fixture
def snapshot(database_url: str) -> Iterator[None]:
    """A snapshot that is held open: PostgreSQL's indexes keep entries for all that it may still see."""
    with psycopg.connect(database_url) as report:
        report.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT 1 FROM core_job").fetchall()
        yield


def let_come_and_go(shop: Shop) -> None:
    """Six thousand jobs of two organizations and two priorities are enqueued and done."""
    for organization_id in (ACME, UMBRELLA):
        for priority in (0, 1):
            for _ in range(15):
                with organization_scope(organization_id), shop.database.transaction():
                    for _ in range(100):
                        enqueue("mail.send", {}, priority=priority)
    JobRow.update(state="done").execute()


@pytest.mark.postgres
@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_a_claim_costs_no_more_beside_a_snapshot_that_is_held_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.jobs.search_range.LATE", timedelta(0))
    shop.offers("mail.send")
    leases = shop.leases()
    let_come_and_go(shop)
    assert leases.claim() is None
    enqueue_some(shop, 3)
    leases._claims._survey_at = math.inf
    assert blocks_of_a_claim(shop, leases) < 100, "it goes over six thousand jobs that are done"


@pytest.mark.postgres
@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_what_is_behind_claims_beside_a_snapshot_as_fast(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aasim_core.jobs.search_range.LATE", timedelta(0))
    shop.offers("mail.send")
    leases = shop.leases()
    let_come_and_go(shop)
    enqueue_some(shop, 100)
    assert leases.claim() is not None
    for _ in range(20):
        assert leases.claim() is not None
    assert blocks_of_a_claim(shop, leases) < 100, "it goes over six thousand jobs that are done"
