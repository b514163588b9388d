"""Ten schedulers at once: each due time is one firing, each firing is one run, and no statement goes over all flows."""

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.testing.statements import plan_of, recorded
from aasim_plugins.executions.models import Execution
from aasim_plugins.job_flows.firings import starting
from aasim_plugins.job_flows.models import Firing, JobFlow
from aasim_plugins.job_flows.scheduling import due_times

from ..conftest import Clock, Flows

_SCHEDULERS, _FLOWS = 10, 30
WHOLE_TABLE = re.compile(r'Seq Scan on job_flows|^SCAN "?job_flows\w*"?(?! .*USING)', re.MULTILINE)


class Going:
    """The context of a job that is never asked to stop, and says nothing of its end."""

    def should_stop(self) -> bool:
        return False

    def complete(self) -> None:
        """Nothing waits for it."""

    def hand_back(self, run_at: Any = None) -> None:
        """Nobody does it again."""


def at_once(app: App, organization_id: str, work: Callable[[], object]) -> None:
    """Do the work in ten threads that begin together; the first error of one is raised."""
    barrier, errors = threading.Barrier(_SCHEDULERS), list[BaseException]()

    def act() -> None:
        with app.database.connected(), organization_scope(organization_id):
            barrier.wait()
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - it is raised below
                errors.append(error)

    threads = [threading.Thread(target=act) for _ in range(_SCHEDULERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def multiply(flows: Flows, flow_id: str, times: int, **differing: Any) -> None:
    """So many more flows like the one, straight into the database."""
    with organization_scope(flows.owner.organization_id), flows.app.database.transaction():
        like = JobFlow.get_by_id(flow_id).__data__ | differing
        own = ({"id": f"{flow_id[:-4]}{number:04}", "name": f"Flow {number}"} for number in range(times))
        insert_rows(JobFlow, [JobFlow(**{**like, **each}).row() for each in own])


@pytest.mark.long
def test_ten_schedulers_start_each_due_time_once(flows: Flows, clock: Clock) -> None:
    multiply(flows, flows.every(1, overlap={"policy": "parallel"}), _FLOWS - 1)
    clock.pass_by(minutes=3)
    organization_id = flows.owner.organization_id
    at_once(flows.app, organization_id, lambda: due_times.look(flows.app, Going()))  # type: ignore[arg-type]
    with organization_scope(organization_id):
        fired = [(firing.flow_id, firing.key) for firing in Firing.select()]
        ids = [firing.id for firing in Firing.select().where(Firing.outcome == "pending")]
    assert max(Counter(fired).values()) == 1
    assert len(ids) == 2 * _FLOWS  # the last one, and the one before, which is a minute late
    at_once(flows.app, organization_id, lambda: starting.fire(flows.app, Going(), ids))  # type: ignore[arg-type]
    with organization_scope(organization_id):
        assert Counter(firing.outcome for firing in Firing.select()) == {"started": 2 * _FLOWS, "missed": _FLOWS}
        assert Execution.select().count() == 2 * _FLOWS
        assert len({firing.execution_id for firing in Firing.select().where(Firing.outcome == "started")}) == 2 * _FLOWS


def test_a_change_and_ten_schedulers_neither_lose_nor_repeat_a_due_time(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1)
    clients = [flows.client for _ in range(3)]
    clock.pass_by(minutes=1)
    organization_id, turns = flows.owner.organization_id, iter(range(_SCHEDULERS))

    def act() -> None:
        turn = next(turns)
        if turn < len(clients):
            clients[turn].patch(f"/job-flows/{flow_id}", {"trigger": {"seconds": 120 + turn}})
        else:
            due_times.look(flows.app, Going())  # type: ignore[arg-type]

    at_once(flows.app, organization_id, act)
    flows.work()
    assert flows.told(flow_id) == ["02 07:31 started"]


@pytest.mark.long
def test_nothing_goes_over_all_flows(flows: Flows, clock: Clock) -> None:
    flow_id = flows.every(1, overlap={"policy": "parallel"}, expect_within_seconds=60)
    later = now() + timedelta(days=400)
    multiply(flows, flow_id, 300, next_due_at=later, expected_at=later)
    clock.pass_by(minutes=2)
    with recorded(flows.app.database) as seen:
        flows.watch()
        flows.client.get(f"/job-flows/{flow_id}/executions")
        flows.client.get(f"/job-flows/{flow_id}/stats")
        flows.client.post(f"/job-flows/{flow_id}/backfill", {"since_at": "2026-03-02T07:00:00Z", "dry_run": True})
    if flows.app.database.for_update:
        flows.app.database.execute_sql("SET enable_seqscan = off")  # so that a scan is left only where no index can be used
    looking_at = [one for one in seen if "job_flows_" in one.sql and not one.sql.startswith("INSERT")]
    with system_scope("look at plans in a test"):
        plans = [(one.sql, plan_of(flows.app.database, one)) for one in looking_at]
    assert [f"{sql}\n{plan}" for sql, plan in plans if WHOLE_TABLE.search(plan)] == []
    assert len(looking_at) > 10


@pytest.mark.long
def test_flows_that_are_not_due_take_no_statement(flows: Flows, clock: Clock) -> None:
    def taken() -> int:
        with recorded(flows.app.database) as seen:
            flows.watch()
        return len(seen)

    flow_id = flows.cron("0 9 1 1 *")
    flows.work()
    before = taken()
    multiply(flows, flow_id, 500)
    assert taken() == before
