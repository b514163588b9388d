"""A due time, and its flags."""

from dataclasses import dataclass
from datetime import datetime

#: What daylight saving time has done with a due time: the local time did not exist and was read as a later one; it comes twice.
AFTER_GAP, FIRST_OF_TWO, SECOND_OF_TWO = MARKS = ("after_gap", "first_of_two", "second_of_two")
#: Why nothing starts at a due time. Of the schedule: the local time did not exist; what the calendar says.
IN_GAP = "in_gap"
EXCLUDED_DATE, HOLIDAY, NO_BUSINESS_DAY, OUTSIDE_HOURS, NOT_LAST_DAY = (
    "excluded_date", "holiday", "not_a_business_day", "outside_hours", "not_last_business_day"
)  # fmt: skip
#: Why a due time was missed that was looked at late: the flow skips such, a later one stands for it, or its window was over.
LATE_IS_SKIPPED, SUPERSEDED, TOO_LATE = ("late_is_skipped", "superseded", "too_late")


@dataclass(frozen=True, slots=True)
class Due:
    """A moment in UTC at which something is to start, what DST has done with it, and why nothing is to start then after all."""

    at: datetime
    marks: tuple[str, ...] = ()
    skip: str | None = None
