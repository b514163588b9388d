"""Schemas of a flow's timing: schedule, calendar, overlap and misfire policies."""

from aasim_core.events.patterns import EVENT_PATTERN, EXPECTED
from aasim_core.schemas.fields import Choice, Date, Id, Instant, Integer, ListOf, Object, Patterned, Secret, Text, Timezone
from aasim_core.schemas.rules import Needs
from aasim_core.schemas.schema import Schema

from .firings.overlapping import POLICIES
from .hooks.verifying import ALGORITHMS, ENCODINGS, SCHEMES
from .models import CRON, EVENT, INTERVAL, ONCE, TRIGGERS, WEBHOOK

_DAY = 86_400
_YEAR = 366 * _DAY
_COUNTRY = ("[A-Z]{2}", 'a country\'s two letters (ISO 3166-1), such as "DE"')
_HEADER = ("[A-Za-z0-9][A-Za-z0-9-]*", 'the name of a header, such as "X-Signature"')
_SUBDIVISION = ("[A-Z0-9]{1,20}", 'the letters of a part of the country (ISO 3166-2), such as "BE"')


class VerificationIn(Schema):
    """How it is known that a request comes from who has the secret: each scheme has fields of its own."""

    scheme = Choice(
        *SCHEMES,
        required=True,
        description="standard_webhooks: its signature and timestamp; hmac: that of the body, in a header; bearer: the secret itself; "
        "none: who knows the address is trusted.",
    )
    secret = Secret(
        8, 200, description="What the sender signs with, or a whpk_ key of Standard Webhooks. Kept encrypted, never shown."
    )
    tolerance_seconds = Integer(1, 3_600, description="standard_webhooks: how old a request may be; 300 if it is left out.")
    header = Patterned(
        *_HEADER, max_length=100, description="hmac: which header; X-Signature if it is left out.", example="X-Hub-Signature-256"
    )
    algorithm = Choice(*ALGORITHMS, description="hmac: sha256 if it is left out.")
    encoding = Choice(*ENCODINGS, description="hmac: hex if it is left out; the name of the algorithm and = may stand before it.")
    delivery_header = Patterned(
        *_HEADER, max_length=100, example="X-GitHub-Delivery",
        description="Which header has the id of a delivery, by which it is known again; webhook-id if it is left out.",
    )  # fmt: skip


class TriggerIn(Schema):
    """When something is started: each type has fields of its own, and no others."""

    type = Choice(*TRIGGERS, required=True)
    expression = Text(
        1, 100, description="cron: minute, hour, day of the month, month, day of the week.", example="0 9 * * MON-FRI"
    )
    timezone = Timezone(description="cron: on whose clock; UTC if it is left out.", example="Europe/Berlin")
    dst_gap = Choice(
        "run_after",
        "skip",
        description="cron: a local time that the clock skips comes as much later, 03:30 for 02:30, unless it is skipped.",
    )
    dst_fold = Choice(
        "first", "both", description="cron: a local time that the clock shows twice is due the first time, unless both are meant."
    )
    seconds = Integer(1, _YEAR, description="interval: how many seconds from one due time to the next.")
    due_at = Instant(description="once: when.")
    pattern = Patterned(
        EVENT_PATTERN,
        EXPECTED,
        max_length=100,
        description="event: which events; GET /events lists them.",
        example="agents.updated",
    )
    filter = Text(
        1,
        1_024,
        description="event: a CEL expression over event, which is true of those that are meant.",
        example='event.outcome == "success"',
    )
    verification = Object(
        VerificationIn, description="webhook: how requests are verified.", example={"scheme": "bearer", "secret": "a-long-secret"}
    )
    headers = ListOf(
        Patterned(*_HEADER, max_length=100), 50, unique=True, example=["X-GitHub-Event"],
        description="webhook: which headers are kept for expressions, besides Content-Type, User-Agent and the delivery_header.",
    )  # fmt: skip

    rules = (
        Needs("expression", of="type", when=(CRON,), message='Write an expression, such as "0 9 * * MON-FRI".'),
        Needs("seconds", of="type", when=(INTERVAL,), message="Write how many seconds there are from one due time to the next."),
        Needs("due_at", of="type", when=(ONCE,), message='Write when, such as "2026-12-31T23:00:00Z".'),
        Needs("pattern", of="type", when=(EVENT,), message='Write which events, such as "agents.updated".'),
        Needs("verification", of="type", when=(WEBHOOK,), message='Write how requests are verified, such as {"scheme": "none"}.'),
    )


class CalendarIn(Schema):
    """At which of its due times something is started; at others nothing is, and the flow says so."""

    only = Choice(  # type: ignore[assignment]  # marshmallow has an attribute of that name
        "any_day",
        "business_days",
        "business_hours",
        "last_business_day",
        load_default="business_days",
        description="last_business_day is that of each month; any_day leaves out the excluded dates only.",
    )
    branch_id = Id(
        "branch", allow_none=True, load_default=None,
        description="Whose hours, holidays and clock count; without one, Monday to Friday on the trigger's clock.",
    )  # fmt: skip
    country = Patterned(
        *_COUNTRY, allow_none=True, load_default=None, max_length=2, description="Whose public holidays count.", example="DE"
    )
    subdivision = Patterned(
        *_SUBDIVISION, allow_none=True, load_default=None, max_length=20, description="Part of the country.", example="BE"
    )
    excluded_dates = ListOf(Date(), 400, unique=True, load_default=list, description="Days on which nothing is started.")


class MisfireIn(Schema):
    """What becomes of due times at which nothing could be started: when they are looked at, they are more than a minute late."""

    policy = Choice(
        "skip",
        "run_once",
        "run_all",
        load_default="run_once",
        description="None is made up for; one run stands for all; the last max are, the oldest first.",
    )
    max = Integer(1, 100, load_default=10, description="run_all: how many are made up for.")
    window_seconds = Integer(60, 7 * _DAY, load_default=_DAY, description="What is later than this is not made up for.")


class OverlapIn(Schema):
    """What happens to a start while runs of the flow are running."""

    policy = Choice(
        *POLICIES,
        load_default="skip",
        description="skip: it is left out; queue: it waits for the one before; latest_only: it waits, and takes the place of what waits "
        "already; cancel_previous: the one before is cancelled; parallel: it runs along with them.",
    )
    max = Integer(
        1, 100, allow_none=True, load_default=10,
        description="queue: how many wait at most, null is all; parallel: how many run at the same time.",
    )  # fmt: skip
