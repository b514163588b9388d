"""Health: probes are answered however often they come."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.builtin import health
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.processes import WORKER, ThisProcess
from aasim_core.tenancy.records import User
from aasim_core.testing.world import Person, World

NO_WORKER = "no worker is alive, so that runs, events and mails wait; start one: aasim worker"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """One anonymous request a minute."""
    return {"rate_limits.enabled": True, "rate_limits.anonymous_per_minute": 1}


@pytest.mark.long
@pytest.mark.parametrize("probe", ["live", "ready"])
def test_a_probe_counts_against_no_limit(world: World, probe: str) -> None:
    answers = [world.anonymous.get(f"/health/{probe}") for _ in range(3)]
    assert [answer.data for answer in answers] == [{"status": probe}] * 3


@pytest.mark.long
def test_other_anonymous_requests_are_counted(world: World) -> None:
    assert [world.anonymous.get("/openapi.json").status for _ in range(2)] == [200, 429]


@pytest.fixture
def operator(world: World) -> Person:
    """A platform administrator."""
    person = world.organization()
    User.update(is_platform_admin=True).where(User.id == person.user_id).execute()
    return person


def check(operator: Person, name: str) -> Mapping[str, Any]:
    """What the check of that name says."""
    facts: Mapping[str, Any] = operator.client.get("/health/deep").data["checks"][name]
    return facts


@pytest.mark.long
def test_without_a_worker_the_platform_is_not_well(world: World, operator: Person) -> None:
    assert operator.client.get("/health/deep").data["ok"] is False
    assert check(operator, "workers") == {"ok": False, "problem": NO_WORKER, "count": 0}
    ThisProcess(world.app.database, WORKER, 4, [], "worker-1").beat(busy=1)
    assert check(operator, "workers") == {"ok": True, "count": 1, "threads": 4, "busy": 1}


@pytest.mark.long
def test_how_long_the_oldest_job_waits_is_told(operator: Person) -> None:
    assert check(operator, "jobs") == {"ok": True, "oldest_ready_seconds": None, "unknown": {}}
    with system_scope("test"), database_of(JobRow).transaction():
        enqueue("core.seal_events", {})
    with system_scope("test"):
        JobRow.update(run_at=now() - timedelta(minutes=5)).execute()
    assert (check(operator, "jobs")["ok"], check(operator, "jobs")["oldest_ready_seconds"] >= 300) == (True, True)
    with system_scope("test"):
        JobRow.update(run_at=now() - timedelta(minutes=20)).execute()
    assert check(operator, "jobs")["ok"] is False


@pytest.mark.long
def test_jobs_that_only_another_version_knows_are_counted(world: World, operator: Person) -> None:
    with organization_scope(operator.organization_id), world.app.database.transaction():
        enqueue("core.seal_events", {})
        enqueue("core.prune_jobs", {})
    with system_scope("test"):
        JobRow.update(name="notes.export").where(JobRow.name == "core.prune_jobs").execute()
    assert check(operator, "jobs")["unknown"] == {"notes.export": 1}


@pytest.mark.long
def test_a_disk_that_is_nearly_full_is_told(operator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(operator, "disk")["ok"] is True
    monkeypatch.setattr(health, "_LEAST_FREE_BYTES", 1 << 62)
    facts = check(operator, "disk")
    assert (facts["ok"], facts["problem"]) == (False, "the disk of the data folder is nearly full; make room before writes fail")
    assert facts["free_bytes"] > 0
