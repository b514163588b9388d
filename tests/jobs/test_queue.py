"""Enqueueing: what is written, when, and for whom."""

from datetime import timedelta
from typing import Any

import peewee
import pytest

from aasim_core.clock import now
from aasim_core.context import EVERY_ORGANIZATION, Actor, acting_as, organization_scope, system_scope
from aasim_core.data.scope import ScopeViolation
from aasim_core.jobs import depth, enqueue
from aasim_core.jobs.records import JobRow
from aasim_core.testing.statements import recorded

from .conftest import ACME, UMBRELLA


def test_a_job_is_written_with_the_change_that_needs_it(shop: Any) -> None:
    shop.offers("mail.send")
    with acting_as(Actor("user", "user_1", "Ada"), "request-1"), organization_scope(ACME), shop.database.transaction():
        job_id = enqueue("mail.send", {"to": "bob@example.org"}, priority=3)
    job = shop.job(job_id)
    assert (job.state, job.organization_id, job.plugin, job.priority) == ("queued", ACME, "mail", 3)
    assert (job.payload, job.actor["label"], job.request_id) == ({"to": "bob@example.org"}, "Ada", "request-1")
    assert (job.attempt, job.max_attempts, job.delayed) == (0, 5, False)


def test_a_change_that_is_undone_leaves_no_job(shop: Any) -> None:
    shop.offers("mail.send")

    def enqueue_and_fail() -> None:
        with organization_scope(ACME), shop.database.transaction():
            enqueue("mail.send", {})
            raise InterruptedError

    with pytest.raises(InterruptedError):
        enqueue_and_fail()
    assert shop.states() == []


def test_enqueueing_needs_a_transaction(shop: Any) -> None:
    with organization_scope(ACME), pytest.raises(RuntimeError, match="needs a transaction"):
        enqueue("mail.send", {})


def test_a_job_that_nobody_declares_fails_the_change(shop: Any) -> None:
    transaction = shop.database.transaction()
    with pytest.raises(LookupError, match=r"job 'mail\.send' is not declared"), organization_scope(ACME), transaction:
        enqueue("mail.send", {})


def test_a_payload_that_is_not_json_fails_where_it_is_enqueued(shop: Any) -> None:
    with pytest.raises(TypeError), organization_scope(ACME), shop.database.transaction():
        enqueue("mail.send", {"to": object()})


def test_many_jobs_are_written_in_one_statement(shop: Any) -> None:
    shop.offers("mail.send")
    with recorded(shop.database) as seen, organization_scope(ACME), shop.database.transaction():
        for number in range(50):
            enqueue("mail.send", {"number": number})
    assert [sql.split()[0] for sql, _ in seen if "core_job" in sql] == ["INSERT"]
    assert len(shop.states()) == 50


def test_more_jobs_than_a_statement_takes_are_written_too(shop: Any) -> None:
    shop.offers("mail.send")
    with organization_scope(ACME), shop.database.transaction():
        for number in range(250):
            enqueue("mail.send", {"number": number})
    assert len(shop.states()) == 250


def test_a_tenant_sees_its_own_jobs_only(shop: Any) -> None:
    shop.enqueue("mail.send", organization=ACME)
    shop.enqueue("mail.send", organization=UMBRELLA)
    with organization_scope(UMBRELLA):
        assert [job.organization_id for job in JobRow.select()] == [UMBRELLA]


def test_a_tenant_cannot_enqueue_for_another(shop: Any) -> None:
    with organization_scope(ACME), shop.database.transaction(), pytest.raises(ScopeViolation, match="in a system scope"):
        enqueue("mail.send", {}, organization_id=UMBRELLA)


def test_a_job_of_a_system_scope_belongs_to_the_system_or_to_whom_it_names(shop: Any) -> None:
    shop.offers("mail.send")
    with organization_scope(ACME), shop.database.transaction():
        mine = enqueue("mail.send", {})
        with system_scope("test"):
            of_the_system = enqueue("mail.send", {})
            of_another = enqueue("mail.send", {}, organization_id=UMBRELLA)
    owners = [shop.job(job).organization_id for job in (mine, of_the_system, of_another)]
    assert owners == [ACME, EVERY_ORGANIZATION, UMBRELLA]


def test_a_job_for_later_is_delayed(shop: Any) -> None:
    job = shop.job(shop.enqueue("mail.send", run_at=now() + timedelta(hours=1)))
    assert job.delayed
    assert job.run_at > now()


def test_a_job_for_a_time_that_has_passed_is_ready(shop: Any) -> None:
    assert not shop.job(shop.enqueue("mail.send", run_at=now() - timedelta(hours=1))).delayed


def test_of_the_jobs_with_one_key_one_waits(shop: Any) -> None:
    first = shop.enqueue("mail.send", {"number": 1}, unique_key="a")
    shop.enqueue("mail.send", {"number": 2}, unique_key="a")
    shop.enqueue("mail.send", unique_key="b")
    shop.enqueue("mail.send", unique_key="a", organization=UMBRELLA)
    shop.enqueue("mail.sort", unique_key="a")
    assert len(shop.states()) == 4
    assert shop.job(first).payload == {"number": 1}


def test_of_the_jobs_with_one_key_in_one_transaction_one_is_written(shop: Any) -> None:
    shop.offers("mail.send")
    with organization_scope(ACME), shop.database.transaction():
        first = enqueue("mail.send", {}, unique_key="a", run_at=now() + timedelta(hours=1))
        second = enqueue("mail.send", {}, unique_key="a", priority=5)
    assert first == second
    assert (shop.job(first).delayed, shop.job(first).priority) == (False, 5)


def test_a_job_that_waits_is_brought_forward_by_one_with_its_key(shop: Any) -> None:
    late = shop.enqueue("mail.send", unique_key="a", run_at=now() + timedelta(hours=1))
    shop.enqueue("mail.send", unique_key="a", run_at=now() + timedelta(minutes=1))
    assert shop.job(late).delayed
    assert shop.job(late).run_at < now() + timedelta(minutes=2)
    shop.enqueue("mail.send", unique_key="a", run_at=now() + timedelta(hours=2))
    assert shop.job(late).run_at < now() + timedelta(minutes=2)
    shop.enqueue("mail.send", unique_key="a")
    assert not shop.job(late).delayed


def test_a_job_that_runs_does_not_stand_for_a_new_one(shop: Any) -> None:
    shop.enqueue("mail.send", unique_key="a")
    with system_scope("test"):
        assert shop.leases().claim() is not None
    shop.enqueue("mail.send", unique_key="a")
    assert shop.states() == ["running", "queued"]


def test_depth_counts_the_ready_jobs_of_the_organization_up_to_a_bound(shop: Any) -> None:
    for _ in range(3):
        shop.enqueue("mail.send")
    shop.enqueue("mail.send", run_at=now() + timedelta(hours=1))
    shop.enqueue("mail.send", organization=UMBRELLA)
    with organization_scope(ACME):
        assert (depth(2), depth(100)) == (2, 3)
    with system_scope("test"):
        assert depth(100) == 4


def test_the_database_refuses_a_second_waiting_job_with_a_key(shop: Any) -> None:
    job = shop.job(shop.enqueue("mail.send", unique_key="a"))
    values = {**job.__data__, "id": "job_other"}
    with system_scope("test"), pytest.raises(peewee.IntegrityError), shop.database.transaction():
        JobRow.insert(values).execute()
