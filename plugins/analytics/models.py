"""The records of analytics: counts for each quarter of an hour, sums of them, and the progress of both."""

import peewee

from aasim_core.data.fields import IdField, InstantField
from aasim_core.data.records import Row

from .periods import BEGINNING


class Quarter(Row):
    """What ended and was spent in one quarter of an hour of an organization; there is no row where nothing did.

    `content` is JSON text, which `cube` reads and writes: the same rows always give the same text. It is no longer `verifiable` once
    retention has deleted executions that it counts.
    """

    organization_id = IdField()
    starts_at = InstantField()
    content = peewee.TextField()
    verifiable = peewee.BooleanField(default=True)

    class Meta:
        table_name = "analytics_quarter"
        primary_key = peewee.CompositeKey("organization_id", "starts_at")


class Sum(Row):
    """The quarters of an hour, of six hours, or of a day of the organization, by a part of what they can be grouped by; see `views`."""

    organization_id = IdField()
    view = peewee.TextField()
    level = peewee.TextField()
    starts_at = InstantField()
    content = peewee.TextField()

    class Meta:
        table_name = "analytics_sum"
        internal = True
        primary_key = peewee.CompositeKey("organization_id", "view", "level", "starts_at")


class Progress(Row):
    """Up to when the quarters of an organization are written, and up to when they have been looked at again, see `rollup`.

    `hours_until`, `six_hours_until` and `days_until` say the same of sums; the days are those of `timezone`. Before `all_hours_since`,
    there are hours and six hours of small views only.
    """

    organization_id = IdField(primary_key=True)
    written_until = InstantField(default=BEGINNING)
    settled_until = InstantField(default=BEGINNING)
    hours_until = InstantField(default=BEGINNING)
    six_hours_until = InstantField(default=BEGINNING)
    days_until = InstantField(default=BEGINNING)
    all_hours_since = InstantField(default=BEGINNING)
    timezone = peewee.TextField(default="UTC")

    class Meta:
        table_name = "analytics_progress"
