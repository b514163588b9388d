"""Periods tile time without gaps, and what parts of one cost sums to what the whole costs, wherever it is cut."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_plugins.subscriptions.plans.periods import Period, days_of, month_after, month_of, share

ZONES = st.sampled_from(("UTC", "Europe/Vienna", "Pacific/Kiritimati", "America/St_Johns", "Australia/Lord_Howe"))
MOMENTS = st.integers(0, 20 * 365 * 86_400_000).map(
    lambda passed: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=passed)
)


@given(MOMENTS, ZONES)
def test_a_month_is_around_its_moment_and_its_days_tile_it(moment: datetime, zone: str) -> None:
    period = month_of(moment, zone)
    days = [part for _, part in days_of(period, zone)]

    assert period.starts_at <= moment < period.ends_at
    assert 28 <= len(days) <= 31
    assert (days[0].starts_at, days[-1].ends_at) == period
    assert all(before.ends_at == after.starts_at for before, after in pairwise(days))


@given(MOMENTS, ZONES, ZONES)
def test_a_period_begins_with_the_end_of_the_one_before_also_in_another_time_zone(
    moment: datetime, zone: str, other: str
) -> None:
    before = month_of(moment, zone)
    after = month_after(before, other)

    assert after.starts_at == before.ends_at
    assert month_of(after.ends_at, other).starts_at == after.ends_at
    assert timedelta(days=14) <= after.ends_at - after.starts_at <= timedelta(days=33)


@given(MOMENTS, ZONES, st.integers(0, 10**15), st.lists(st.floats(0, 1), max_size=8))
def test_the_parts_of_a_period_cost_together_what_the_whole_costs(
    moment: datetime, zone: str, price: int, cuts: list[float]
) -> None:
    period = month_of(moment, zone)
    length = (period.ends_at - period.starts_at) // timedelta(milliseconds=1)
    at = sorted(period.starts_at + timedelta(milliseconds=int(cut * length)) for cut in cuts)
    parts = [share(price, period, Period(*part)) for part in pairwise([period.starts_at, *at, period.ends_at])]

    assert sum(parts) == price
    assert all(part >= 0 for part in parts)


@pytest.mark.parametrize(
    ("zone", "starts_at"), [("UTC", "2026-03-01T00:00:00+00:00"), ("Europe/Vienna", "2026-03-31T22:00:00+00:00")]
)
def test_months_are_those_of_the_time_zone(zone: str, starts_at: str) -> None:
    assert month_of(datetime(2026, 3, 31, 22, tzinfo=UTC), zone).starts_at == datetime.fromisoformat(starts_at)
