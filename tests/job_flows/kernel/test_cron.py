"""Cron expressions: local times as everybody reads them, what daylight saving time makes of them, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_plugins.job_flows.kernel import cron
from aasim_plugins.job_flows.kernel.cron import BadCron

BERLIN = "Europe/Berlin"
ZONES = (
    "Africa/Cairo Africa/Casablanca Africa/El_Aaiun America/Asuncion America/Havana America/Los_Angeles America/Mexico_City "
    "America/New_York America/Nuuk America/Santiago America/Sao_Paulo America/Scoresbysund America/St_Johns Antarctica/Casey "
    "Antarctica/Troll Asia/Amman Asia/Beirut Asia/Gaza Asia/Kathmandu Asia/Pyongyang Asia/Tehran Asia/Tokyo Australia/Lord_Howe "
    "Europe/Berlin Europe/Dublin Europe/Istanbul Europe/Volgograd Pacific/Apia Pacific/Chatham Pacific/Easter"
).split()


def times(expression: str, after: str, count: int, *, gap: cron.Gap = "run_after", fold: cron.Fold = "first") -> list[str]:
    """The next due times in Berlin, as the clock there shows them."""
    found = islice(cron.due_times(expression, BERLIN, gap, fold, datetime.fromisoformat(after)), count)
    return [due.at.astimezone(ZoneInfo(BERLIN)).isoformat("T", "minutes") + (f" {due.skip}" if due.skip else "") for due in found]


def test_a_time_of_day_stays_at_that_time_when_the_clock_changes() -> None:
    assert times("0 9 * * *", "2026-03-28T00:00Z", 2) == ["2026-03-28T09:00+01:00", "2026-03-29T09:00+02:00"]


def test_a_time_that_does_not_exist_comes_as_much_later_as_the_clock_skips() -> None:
    assert times("30 2 * * *", "2026-03-28T12:00Z", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]


def test_a_time_that_does_not_exist_can_be_left_out() -> None:
    told = times("30 2 * * *", "2026-03-28T12:00Z", 2, gap="skip")
    assert told == ["2026-03-29T03:30+02:00 in_gap", "2026-03-30T02:30+02:00"]


def test_a_time_that_comes_twice_is_due_the_first_time() -> None:
    assert times("30 2 * * *", "2026-10-24T12:00Z", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_a_time_that_comes_twice_can_be_due_both_times() -> None:
    told = times("30 2 * * *", "2026-10-24T12:00Z", 3, fold="both")
    assert told == ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"]


def test_what_is_due_every_hour_goes_on_evenly() -> None:
    spring, autumn = (
        [
            due.at
            for due in islice(cron.due_times("*/30 * * * *", BERLIN, "run_after", "first", datetime.fromisoformat(after)), 100)
        ]
        for after in ("2026-03-28T12:00Z", "2026-10-24T12:00Z")
    )
    for found in (spring, autumn):
        assert {after - before for before, after in pairwise(found)} == {timedelta(minutes=30)}


def test_a_time_in_the_gap_and_the_time_that_it_is_read_as_are_one() -> None:
    assert times("30 2,3 * * *", "2026-03-28T12:00Z", 2) == ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"]


def test_marks_say_what_the_change_of_the_clock_has_done() -> None:
    spring = next(cron.due_times("30 2 * * *", BERLIN, "run_after", "both", datetime(2026, 3, 28, 12, tzinfo=UTC)))
    autumn = islice(cron.due_times("30 2 * * *", BERLIN, "run_after", "both", datetime(2026, 10, 24, 12, tzinfo=UTC)), 3)
    assert [spring.marks, *(due.marks for due in autumn)] == [("after_gap",), ("first_of_two",), ("second_of_two",), ()]


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("0 9 * *", "5 fields"),
        ("0 0 9 * * *", "none for seconds"),
        ("@daily", 'Write "0 0 * * *"'),
        ("60 * * * *", "The field minute"),
        ("0 24 * * *", "The field hour"),
        ("0 0 0 * *", "The field day of month"),
        ("0 0 * 13 *", "The field month"),
        ("0 0 * * FUNDAY", "The field day of week"),
        ("0 0 * * MON#2/2", "The field day of week"),
        ("0 0 30 2 *", "leaves no day"),
        ("0 0 31 4,6,9,11 *", "leaves no day"),
        ("*/0 * * * *", "The field minute"),
        ("", "5 fields"),
        ("* " * 400, "5 fields"),
    ],
)
def test_what_is_no_expression_or_never_due_is_told_what_to_write(expression: str, advice: str) -> None:
    with pytest.raises(BadCron, match=r"^[A-Z]") as bad:
        cron.check(expression)
    assert advice in str(bad.value)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 L * *", "0 0 LW * *", "0 0 * * 5L", "0 0 * * MON#1", "0 0 * 2 MON#5"])
def test_what_is_due_however_seldom_is_an_expression(expression: str) -> None:
    cron.check(expression)


@given(st.text("0123456789*/,-#LWMONJA ²\x00", max_size=40))
def test_any_text_is_an_expression_or_refused_with_a_sentence(text: str) -> None:
    told = "."
    try:
        cron.check(text)
    except BadCron as bad:
        told = str(bad)
    assert told.endswith(".")


# The referee: every day and every minute of it, by fields alone; the moments of a local time are those whose clock shows it.


def field(text: str, least: int, most: int) -> list[int]:
    """What a field of numbers, ranges, lists and steps means."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{least}-{most}" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return sorted(found)


def is_meant(day: date, month_days: str, months: str, weekdays: str) -> bool:
    """Whether the three fields mean the day: where neither field of days begins with a star, either is enough."""
    if day.month not in field(months, 1, 12):
        return False
    either = any if not month_days.startswith("*") and not weekdays.startswith("*") else all
    return either((day.day in field(month_days, 1, 31), (day.weekday() + 1) % 7 in field(weekdays, 0, 6)))


def offsets_around(midnight: datetime, zone: ZoneInfo) -> list[timedelta]:
    """The offsets from a day before that midnight to two days after it, in the order in which they are in force."""
    found = [(midnight + timedelta(hours=hour)).astimezone(zone).utcoffset() or timedelta() for hour in range(-26, 52, 6)]
    return list(dict.fromkeys(found))


def moments(local: datetime, offsets: list[timedelta], zone: ZoneInfo) -> list[datetime]:
    """The moments at which clocks there show the local time, in order."""
    tried = sorted((local - offset).replace(tzinfo=UTC) for offset in offsets)
    return [moment for moment in tried if moment.astimezone(zone).replace(tzinfo=None) == local]


def refereed(expression: str, name: str, first: date, days: int) -> Iterator[datetime]:
    """The due times, in no order: of those that there are twice the first; those that there are not, read with the offset before."""
    zone, (minutes, hours, *of_days) = ZoneInfo(name), expression.split()
    clock = [timedelta(hours=hour, minutes=minute) for hour in field(hours, 0, 23) for minute in field(minutes, 0, 59)]
    for day in (first + timedelta(days=number) for number in range(days)):
        if is_meant(day, *of_days):
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            offsets = offsets_around(midnight, zone)
            for local in (midnight.replace(tzinfo=None) + time for time in clock):
                found = moments(local, offsets, zone)
                if hours == "*":
                    yield from found
                else:
                    yield found[0] if found else (local - offsets[0]).replace(tzinfo=UTC)


def compare(expression: str, zone: str, first: date, days: int) -> None:
    """Fail where the referee knows other due times."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=2)
    end = begin + timedelta(days=days - 4)
    found = [due.at for due in takewhile(lambda due: due.at < end, cron.due_times(expression, zone, "run_after", "first", begin))]
    expected = sorted({at for at in refereed(expression, zone, first, days) if begin < at < end})
    assert found == expected, f"{expression} in {zone}"


@pytest.mark.long
@pytest.mark.parametrize("zone", [BERLIN, "Australia/Lord_Howe", "America/Nuuk", "Pacific/Apia"])
def test_a_referee_that_knows_no_library_finds_the_same_due_times(zone: str) -> None:
    for expression in ("30 2 * * *", "15 0,23 * * 0", "0 */3 1-15/7 * 1-5"):
        compare(expression, zone, date(2011, 9, 1), 500)
    compare("*/20 * * * *", zone, date(2026, 3, 20), 40)


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
def test_a_referee_finds_the_same_due_times_over_twenty_years(zone: str) -> None:
    for expression in ("30 0,2 * * *", "45 23 1,15 * 0", "0 1-3 */10 * *"):
        compare(expression, zone, date(2010, 1, 1), 20 * 365)
    for year in (2011, 2026):
        compare("0,30 * * 3,4,10,11 *", zone, date(year, 1, 1), 365)
