"""What a look makes of due times: what starts, what is too late, and what is counted together."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aasim_plugins.job_flows.kernel import firings
from aasim_plugins.job_flows.kernel.due_time import Due
from aasim_plugins.job_flows.kernel.firings import MOST_AT_ONCE, Misfire, Rules
from aasim_plugins.job_flows.kernel.schedules import Interval, Once, Schedule, jitter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def every_minute(**rules: object) -> Rules:
    return Rules(Schedule(Interval(60, NOON)), **rules)  # type: ignore[arg-type]


def short(look: firings.Look) -> list[str]:
    return [f"{one.at:%H:%M} {one.reason or one.outcome}" for one in look.planned]


def test_a_look_treats_what_is_due_and_tells_what_comes_next() -> None:
    look = firings.look(every_minute(), NOON, NOON + MINUTE)
    assert short(look) == ["12:01 start"]
    assert (look.treated_until, look.next_due_at) == (NOON + MINUTE, NOON + 2 * MINUTE)


def test_a_look_into_the_past_changes_nothing() -> None:
    look = firings.look(every_minute(), NOON + 5 * MINUTE, NOON + MINUTE)
    assert (look.planned, look.treated_until, look.next_due_at) == ((), NOON + 5 * MINUTE, NOON + 6 * MINUTE)


def test_what_is_never_due_again_has_no_next_time() -> None:
    rules = Rules(Schedule(Once(NOON)))
    assert firings.look(rules, NOON - MINUTE, NOON).next_due_at is None


def test_a_look_at_very_much_goes_on_with_the_next() -> None:
    rules, at = every_minute(), NOON + (MOST_AT_ONCE + 3) * MINUTE
    first = firings.look(rules, NOON, at)
    second = firings.look(rules, first.treated_until, at)
    assert {one.outcome for one in first.planned} == {"missed"}
    assert [len(first.planned), len(second.planned)] == [MOST_AT_ONCE, 3]
    assert [one.outcome for one in second.planned] == ["missed", "start", "start"]  # one is a minute late


@given(
    st.sampled_from(["skip", "run_once", "run_all"]),
    st.integers(1, 5),
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, None, "holiday"])), unique_by=lambda one: one[0], max_size=20),
)
def test_every_due_time_is_decided_once_and_no_more_start_than_may(
    policy: firings.Policy, most: int, window: int, ages: list[tuple[int, str | None]]
) -> None:
    dues = [Due(NOON - age * MINUTE, skip=skip) for age, skip in sorted(ages, reverse=True)]
    misfire = Misfire(policy, most, window * MINUTE)
    decided = firings.decide(dues, NOON, every_minute(misfire=misfire))
    assert [one.at for one in decided] == [due.at for due in dues]
    late = [one for one in decided if NOON - one.at > firings.LATE and one.outcome == "start"]
    prompt = [one for one in decided if NOON - one.at <= firings.LATE and one.outcome != "skipped"]
    assert all(one.outcome == "start" for one in prompt)
    assert len(late) <= {"skip": 0, "run_once": 0 if prompt else 1, "run_all": most}[policy]
    assert all(NOON - one.at <= window * MINUTE for one in late)
    starts = [one.at for one in late]
    left = [one.at for one in decided if one.outcome == "missed" and NOON - one.at <= window * MINUTE]
    assert not starts or all(at < starts[0] for at in left), "an older one starts, and a younger one is missed"


def test_what_comes_to_nothing_alike_is_counted_together() -> None:
    rules = every_minute(inactive="paused")
    [row] = firings.folded(firings.look(rules, NOON, NOON + 3 * MINUTE).planned)
    assert (row.reason, row.count, row.at, row.last_at) == ("paused", 3, NOON + MINUTE, NOON + 3 * MINUTE)


def test_starts_are_never_counted_together() -> None:
    assert len(firings.folded(firings.look(every_minute(), NOON, NOON + MINUTE).planned * 2)) == 2


def test_jitter_is_the_same_each_time_and_spreads() -> None:
    times = [NOON + number * MINUTE for number in range(1_000)]
    delays = [jitter("flow_1", at, 60) for at in times]
    assert delays == [jitter("flow_1", at, 60) for at in times]
    assert all(timedelta() <= delay <= timedelta(seconds=60) for delay in delays)
    assert len({delay // timedelta(seconds=6) for delay in delays}) >= 10
    assert delays != [jitter("flow_2", at, 60) for at in times]
    assert {jitter("flow_1", at, 0) for at in times} == {timedelta()}


def test_intervals_go_on_evenly_from_their_anchor() -> None:
    interval = Interval(7, NOON)
    found = interval.due_times(NOON + timedelta(days=200, milliseconds=1))
    first = next(found).at
    assert (first - NOON) % timedelta(seconds=7) == timedelta()
    assert first - NOON - timedelta(days=200) <= timedelta(seconds=7)
    assert [next(found).at - first for _ in range(3)] == [timedelta(seconds=7 * number) for number in (1, 2, 3)]
