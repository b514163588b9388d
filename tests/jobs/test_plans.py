"""No statement of a worker reads the whole job table, also behind row-level security."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.jobs import administration, depth, enqueue
from aasim_core.jobs.housekeeping import prune
from aasim_core.jobs.presence import Presence
from aasim_core.jobs.records import JobRow
from aasim_core.jobs.upkeep import Upkeep
from aasim_core.testing.statements import plan_of, recorded

from .conftest import ACME, Shop

WHOLE_TABLE = re.compile(r'Seq Scan on core_job|^SCAN "?core_job"?(?! .*USING)', re.MULTILINE)


class Goes:
    """A context that never asks to stop."""

    def should_stop(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def _as_a_worker() -> Iterator[None]:
    with system_scope("test"):
        yield


def work(shop: Shop, data_dir: Path) -> None:
    """Everything that a worker and those who enqueue do to the table."""
    leases = shop.leases()
    upkeep = Upkeep(shop.app, leases, Presence(data_dir))
    shop.enqueue("mail.send", unique_key="a", run_at=now() + timedelta(milliseconds=300))
    shop.wait_until(upkeep.make_ready)
    leases.may_have_ready()
    lease = leases.claim()
    assert lease is not None
    leases.heartbeat()
    upkeep.take_over()
    with organization_scope(ACME), shop.database.transaction():
        leases.renew(lease, progress=True)
        leases.hand_back(lease)
    leases.complete(leases.claim())  # type: ignore[arg-type]
    shop.enqueue("mail.send")
    leases.park(leases.claim(), "off")  # type: ignore[arg-type]
    upkeep.unpark()
    administration.find_jobs(state="dead")
    prune(Goes(), {})  # type: ignore[arg-type]
    with organization_scope(ACME):
        depth(10)


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


def test_a_claim_does_not_read_all_that_waits(shop: Shop) -> None:
    shop.offers("mail.send")
    for _ in range(60):
        with organization_scope(ACME), shop.database.transaction():
            for _ in range(30):
                enqueue("mail.send", {})
        latest = JobRow.select(JobRow.id).order_by(JobRow.id.desc()).limit(20)
        JobRow.update(state="done").where(JobRow.id.in_(list(latest))).execute()
    claims = shop.database.for_claims()
    with recorded(claims) as seen:
        lease = shop.leases().claim()
    assert lease is not None
    claim = next(statement for statement in seen if statement.sql.startswith("UPDATE"))
    with claims.connected():
        plan = plan_of(claims, claim)
    assert "core_job_ready" in plan
    assert not re.search("Sort|Bitmap|TEMP B-TREE", plan), plan
