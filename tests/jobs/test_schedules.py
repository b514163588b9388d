"""Schedules: each due time once, however many tick, and one catch-up after a time of silence."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
import time_machine

from aasim_core.errors import StartupError
from aasim_core.jobs.pruning import prune
from aasim_core.jobs.records import JobRow, ScheduleTick
from aasim_core.jobs.schedules import Schedules, claim_due

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("as_a_worker")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at noon until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def due_times() -> list[str]:
    """The due times that jobs were started for, as hour and minute."""
    return [job.payload["due"][11:16] for job in JobRow.select().order_by(JobRow.id)]


def ticker(shop: Any) -> Schedules:
    """A ticker of the jobs of the shop."""
    return Schedules(shop.jobs.values())


def test_a_job_is_started_at_each_due_time(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="*/5 * * * *")
    tick = ticker(shop).tick
    for _ in range(22):
        tick()
        clock.shift(timedelta(minutes=1))
    assert due_times() == ["12:05", "12:10", "12:15", "12:20"]


@pytest.mark.long
def test_three_tickers_start_a_job_once(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="* * * * *")
    shop.offers("mail.sort", schedule="*/2 * * * *")
    tickers = [ticker(shop) for _ in range(3)]
    started = []

    def tick_all(schedules: Schedules) -> None:
        with shop.database.connected():
            started.append(schedules.tick())

    for _ in range(20):
        threads = [threading.Thread(target=tick_all, args=(schedules,)) for schedules in tickers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock.shift(timedelta(seconds=30))
    minutes = [f"12:{minute:02}" for minute in range(1, 11)]
    assert sorted(due_times()) == sorted([*minutes, *minutes[1::2]])
    assert sum(started) == 15


def test_nothing_is_caught_up_on_at_the_first_start(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="0 3 * * *")
    assert ticker(shop).tick() == 0
    clock.shift(timedelta(hours=1))
    assert ticker(shop).tick() == 0


def test_missed_due_times_are_caught_up_on_once(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="*/5 * * * *")
    ticker(shop).tick()
    clock.shift(timedelta(hours=3))
    after = ticker(shop)
    assert (after.tick(), after.tick()) == (1, 0)
    assert due_times() == ["15:00"]


def test_a_clock_that_steps_back_starts_nothing_twice(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="*/5 * * * *")
    tick = ticker(shop).tick
    for _ in range(4):
        tick()
        clock.shift(timedelta(minutes=5))
    clock.shift(timedelta(minutes=-12))
    assert due_times() == ["12:05", "12:10", "12:15"]
    for schedules in (tick, ticker(shop).tick):
        assert schedules() == 0
    clock.shift(timedelta(minutes=12))
    tick()
    assert due_times() == ["12:05", "12:10", "12:15", "12:20"]


def test_a_clock_that_is_ahead_starts_nothing_before_its_time_and_is_told(shop: Any) -> None:
    shop.offers("mail.tidy", schedule="* * * * *")
    schedules, present = ticker(shop), shop.database.time()
    with time_machine.travel(present + timedelta(hours=1), tick=False), structlog.testing.capture_logs() as lines:
        schedules.tick()
    assert ScheduleTick.get().due_at <= present + timedelta(minutes=1)
    assert [line["event"] for line in lines] == ["the clock of this machine is ahead of the database's; correct it"]


def test_a_due_time_that_was_claimed_too_early_silences_none_before_it(shop: Any) -> None:
    minute = shop.database.time().replace(second=0, microsecond=0)
    with shop.database.transaction():
        ScheduleTick.insert(schedule="flow_1", due_at=minute + timedelta(hours=1)).execute()
        assert claim_due("flow_1", minute)
        assert not claim_due("flow_1", minute + timedelta(hours=1))


def test_a_scheduled_job_belongs_to_the_system(shop: Any, clock: Any) -> None:
    shop.offers("mail.tidy", schedule="* * * * *")
    tick = ticker(shop).tick
    tick()
    clock.shift(timedelta(minutes=1))
    tick()
    job = JobRow.get()
    assert (job.organization_id, job.actor["type"]) == ("*", "system")
    assert job.payload == {"due": "2026-03-01T12:01:00.000Z"}


def test_an_expression_that_is_none_is_an_error_that_names_the_job(shop: Any) -> None:
    shop.offers("mail.tidy", schedule="every day")
    with pytest.raises(StartupError, match=r'"every day" of the job mail\.tidy .* such as "0 3 \* \* \*"'):
        ticker(shop)


def test_a_due_time_can_be_claimed_once(shop: Any) -> None:
    with shop.database.transaction():
        assert claim_due("flow_1", NOON)
        assert not claim_due("flow_1", NOON)
        assert claim_due("flow_2", NOON)
    with shop.database.transaction():
        assert not claim_due("flow_1", NOON - timedelta(minutes=1))
        assert claim_due("flow_1", NOON + timedelta(minutes=1))


def test_a_due_time_whose_claim_is_undone_can_be_claimed_again(shop: Any) -> None:
    def claim_and_fail() -> None:
        with shop.database.transaction():
            claim_due("flow_1", NOON)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        claim_and_fail()
    with shop.database.transaction():
        assert claim_due("flow_1", NOON)


def test_what_has_been_over_for_long_is_pruned_and_what_failed_stays(shop: Any, clock: Any) -> None:
    leases = shop.leases()
    for end in (
        leases.complete,
        lambda lease: leases.give_up(lease, "dead", "x"),
        lambda lease: leases.give_up(lease, "failed", "x"),
    ):
        shop.enqueue("mail.send")
        end(leases.claim())
    with shop.database.transaction():
        claim_due("flow_1", NOON)
        claim_due("flow_1", NOON + timedelta(minutes=1))
    clock.shift(timedelta(days=8))
    shop.enqueue("mail.send")
    leases.complete(leases.claim())
    waiting = shop.enqueue("mail.send")
    prune(ContextThatGoesOn(), {})
    assert shop.states() == ["dead", "failed", "done", "queued"]
    assert shop.job(waiting).state == "queued"
    assert [tick.due_at for tick in ScheduleTick.select()] == [NOON + timedelta(minutes=1)]


class ContextThatGoesOn:
    """A context that never asks to stop."""

    def should_stop(self) -> bool:
        return False
