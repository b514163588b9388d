"""Reserving and settling: periods, what crashes leave behind, and fifty calls at the same time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.errors import Refused
from aasim_core.ids import new_id
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.budgets import service
from aasim_plugins.budgets.models import Reservation
from aasim_plugins.engines.hookspecs import Cost, Estimate, Meter, Payer
from aasim_plugins.engines.usage.metering import metered

from .conftest import current, events_of

Make = Callable[..., Any]
NOBODY = Payer()


@pytest.fixture(autouse=True)
def _in_scope(owner: Person) -> Iterator[None]:
    with organization_scope(owner.organization_id):
        yield


@pytest.fixture
def books(app: App) -> Meter:
    """The meter that the plugin brings."""
    found: Meter = app.offers("meters")["budgets"]
    return found


def estimate(tokens: int, cost: int | None = None, currency: str = "USD") -> Estimate:
    return Estimate(new_id("engine"), tokens, 0, lambda: None if cost is None else Cost(cost, currency, "test"))


def counts(owner: Person, budget: Any) -> tuple[int, int]:
    """The tokens that are used and reserved."""
    now = current(owner, budget)
    return now["used_tokens"], now["reserved_tokens"]


def test_what_is_held_gives_way_to_what_was_used(books: Meter, owner: Person, budget: Make) -> None:
    kept = budget(max_tokens=100)

    held = books.reserve(NOBODY, estimate(60))
    assert counts(owner, kept) == (0, 60)
    with pytest.raises(Refused, match="has 40 tokens left"):
        books.reserve(NOBODY, estimate(41))

    books.settle(held, 7, None)
    assert counts(owner, kept) == (7, 0)


def test_a_call_of_which_no_price_is_known_afterwards_costs_what_was_held(books: Meter, owner: Person, budget: Make) -> None:
    kept = budget(max_cost=100)

    books.settle(books.reserve(NOBODY, estimate(1, cost=30)), 1, None)
    assert current(owner, kept)["used_cost"] == 30
    books.settle(books.reserve(NOBODY, estimate(1, cost=30)), 1, Cost(12, "USD", "test"))
    assert current(owner, kept)["used_cost"] == 42


def test_nothing_is_held_where_one_of_several_budgets_refuses(books: Meter, owner: Person, budget: Make) -> None:
    wide, narrow = budget(max_tokens=100), budget(name="Narrow", max_tokens=10)

    with pytest.raises(Refused, match="the budget Narrow has 10 tokens left"):
        books.reserve(NOBODY, estimate(11))

    assert (counts(owner, wide), counts(owner, narrow)) == ((0, 0), (0, 0))
    assert Reservation.select().count() == 0


@pytest.mark.parametrize(
    ("period", "timezone", "last", "first"),
    [
        ("day", "UTC", "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z"),
        ("day", "Europe/Vienna", "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z"),
        ("day", "Europe/Vienna", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"),
        ("week", "America/New_York", "2026-02-02T04:59:59Z", "2026-02-02T05:00:00Z"),
        ("month", "Asia/Kolkata", "2026-01-31T18:29:59Z", "2026-01-31T18:30:00Z"),
    ],
)
def test_a_new_period_begins_with_nothing(
    books: Meter, owner: Person, world: World, budget: Make, period: str, timezone: str, last: str, first: str
) -> None:
    with time_machine.travel(last, tick=False) as clock:
        person = world.again(owner)
        kept = budget_by(person, period, timezone)
        books.settle(books.reserve(NOBODY, estimate(10)), 10, None)
        with pytest.raises(Refused) as refused:
            books.check(NOBODY)
        assert refused.value.problems["_"][0].meta["resets_at"] == first.replace("Z", ".000Z")  # type: ignore[index]

        clock.move_to(first)
        books.check(NOBODY)
        assert counts(person, kept) == (0, 0)
        books.settle(books.reserve(NOBODY, estimate(10)), 3, None)

        periods = person.client.get(f"/budgets/{kept['id']}/periods").data["items"]
        assert [each["used_tokens"] for each in periods] == [3, 10]
        assert periods[0]["starts_at"] == periods[1]["ends_at"] == first.replace("Z", ".000Z")


def budget_by(person: Person, period: str, timezone: str) -> Any:
    body = {"name": period, "place": {"type": "organization"}, "period": period, "timezone": timezone, "max_tokens": 10}
    return person.client.post("/budgets", body).data


def test_a_total_has_one_period_since_it_was_made(books: Meter, owner: Person, world: World) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        kept = budget_by(world.again(owner), "total", "UTC")
        clock.move_to("2031-01-31T09:00:00Z")
        books.settle(books.reserve(NOBODY, estimate(10)), 10, None)
        now = current(world.again(owner), kept)
        assert (now["starts_at"], now["resets_at"], now["used_tokens"], now["percent"]) == (
            "2026-01-31T09:00:00.000Z",
            None,
            10,
            100,
        )


def test_a_call_counts_for_the_period_in_which_it_began(books: Meter, owner: Person, world: World) -> None:
    with time_machine.travel("2026-01-31T23:59:59Z", tick=False) as clock:
        person = world.again(owner)
        kept = budget_by(person, "day", "UTC")
        held = books.reserve(NOBODY, estimate(10))
        clock.move_to("2026-02-01T00:00:01Z")
        books.settle(held, 10, None)
        assert counts(person, kept) == (0, 0)
        assert person.client.get(f"/budgets/{kept['id']}/periods").data["items"][-1]["used_tokens"] == 10


def test_it_is_told_once_a_minute_that_nothing_is_left(books: Meter, owner: Person, world: World) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        person = world.again(owner)
        budget_by(person, "month", "UTC")
        for moment, times in (("09:00:00", 1), ("09:00:59", 1), ("09:01:00", 2)):
            clock.move_to(f"2026-01-31T{moment}Z")
            with pytest.raises(Refused):
                books.reserve(NOBODY, estimate(11))
            assert len(events_of(person, "budgets.exceeded")) == times


def test_a_step_that_is_repeated_after_a_crash_is_held_once(books: Meter, owner: Person, budget: Make) -> None:
    kept = budget(max_tokens=100)
    payer = Payer(execution_id=new_id("exec"), step=3)

    first = books.reserve(payer, estimate(60))
    again = books.reserve(payer, estimate(60))
    assert counts(owner, kept) == (0, 60)

    books.settle(again, 5, None)
    books.settle(first, 7, None)
    assert counts(owner, kept) == (12, 0)


def test_what_is_held_for_a_run_that_is_over_is_given_back(
    books: Meter, app: App, owner: Person, agent: Make, budget: Make, run: Make
) -> None:
    kept = budget(max_tokens=1_000)
    over = run(agent(), parameters={"fault": "refused"})["id"]
    waiting = owner.client.post(f"/agents/{agent(name='Other')}/execute", {"input": "Well?"}).data["id"]
    for execution_id in (over, waiting, new_id("exec"), None):
        books.reserve(Payer(execution_id=execution_id, step=1), estimate(10))
    assert counts(owner, kept) == (0, 40)

    with system_scope("test"):
        assert service.release_left(app) == 2
    assert counts(owner, kept) == (0, 20)


def test_organizations_for_which_nothing_is_held_are_not_looked_at(
    books: Meter, app: App, world: World, owner: Person, budget: Make
) -> None:
    other = world.organization("Other")
    budget(max_tokens=1_000)
    books.reserve(Payer(execution_id=new_id("exec"), step=1), estimate(10))
    with system_scope("test"), recorded(app.database) as sent:
        assert service.release_left(app) == 1
    assert any(owner.organization_id in statement.parameters for statement in sent)
    assert not any(other.organization_id in statement.parameters for statement in sent)


def test_what_is_held_for_longer_than_a_day_is_given_back_and_counted_all_the_same_if_it_ends(
    books: Meter, app: App, owner: Person, world: World
) -> None:
    with time_machine.travel("2026-01-01T09:00:00Z", tick=False) as clock:
        kept = budget_by(world.again(owner), "month", "UTC")
        held = books.reserve(NOBODY, estimate(10))
        for moment, left in (("2026-01-02T09:00:00Z", (0, 10)), ("2026-01-02T09:00:01Z", (0, 0))):
            clock.move_to(moment)
            with system_scope("test"):
                service.release_left(app)
            assert counts(world.again(owner), kept) == left
        books.settle(held, 9, None)
        assert counts(world.again(owner), kept) == (9, 0)


def test_a_budget_that_is_deleted_while_a_call_goes_on_is_forgotten(books: Meter, owner: Person, budget: Make) -> None:
    kept = budget(max_tokens=100)
    held = books.reserve(NOBODY, estimate(60))
    owner.client.delete(f"/budgets/{kept['id']}")

    books.settle(held, 7, None)

    assert books.reserve(NOBODY, estimate(1_000)) is None


def test_an_organization_that_has_switched_budgets_off_is_held_to_none(
    app: App, owner: Person, books: Meter, budget: Make
) -> None:
    budget(max_tokens=1)
    with app.database.transaction():
        features.switch(owner.organization_id, "budgets", False)
    app.organization_states.forget(owner.organization_id)

    with metered(app, NOBODY, estimate(10)) as bill:
        assert bill.tokens == 0


def test_that_there_are_no_budgets_is_read_once_until_there_are(books: Meter, app: App, owner: Person, budget: Make) -> None:
    payer = Payer(project_id=new_id("project"), agent_id=new_id("agent"))
    assert books.reserve(payer, estimate(10)) is None
    with recorded(app.database) as seen:
        assert books.reserve(payer, estimate(10)) is None
    assert seen == []

    budget(max_tokens=100)
    assert books.reserve(payer, estimate(10)) is not None


@pytest.mark.long
def test_fifty_calls_at_the_same_time_never_take_more_than_there_is(
    books: Meter, app: App, owner: Person, world: World, budget: Make
) -> None:
    project = world.node(owner, "project")
    wide = budget(max_tokens=1_000)
    narrow = budget(name="Narrow", place={"type": "project", "id": project}, max_tokens=100, max_cost=70)
    barrier, most = threading.Barrier(10), []

    def call(number: int) -> bool:
        with app.database.connected(), organization_scope(owner.organization_id):
            if number < 10:
                barrier.wait()
            try:
                held = books.reserve(Payer(project_id=project), estimate(10, cost=10))
            except Refused:
                return False
            now = current(owner, narrow)
            most.append(now["used_cost"] + now["reserved_cost"])
            books.settle(held, 10, Cost(10, "USD", "test"))
            return True

    with ThreadPoolExecutor(10) as pool:
        allowed = sum(pool.map(call, range(50)))

    assert (allowed, max(most) <= 70) == (7, True)
    assert (counts(owner, wide), counts(owner, narrow)) == ((70, 0), (70, 0))
    assert current(owner, narrow)["used_cost"] == 70
