"""What clients write about webhooks, and what they get."""

from marshmallow import validates

from aasim_core.events.patterns import EVENT_PATTERN, EXPECTED
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Patterned, Text, Url, wrong
from aasim_core.schemas.schema import RecordOut, Schema
from aasim_core.user_code import expressions

from .delivery.sending import CODES
from .delivery.signing import SIGNATURES, V1
from .filters import NAMES
from .holding import ONLY
from .models import ACTIVE, DELIVERY_STATUSES, DISABLED, FORMATS, FULL, ORDERS, PAYLOADS, STANDARD, STATUSES, UNORDERED
from .standing import HEALTH

_DAY = 86_400
_SIGNATURE = "v1: HMAC-SHA256, with a secret that both sides have; v1a: Ed25519, with a key of which you get the public half."
_PAYLOAD = "full: all that there is to tell; thin: ids only."
_FORMAT = "standard: the envelope of Standard Webhooks; cloudevents: that of CloudEvents 1.0, as JSON."
_ORDER = "by_subject: no later event about a subject overtakes an earlier one; what is not taken holds up the others about it."
_FILTER = "A CEL expression over event; an event for which it is false is not sent."
_EXAMPLE = 'event.outcome != "success"'


class _WithFilter(Schema):
    """What has a filter."""

    @validates("filter")
    def _is_expression(self, value: str | None, data_key: str) -> None:
        problem = None if value is None else expressions.flaw(value, NAMES)
        if problem:
            raise wrong("invalid_format", problem)


class WebhookIn(_WithFilter):
    """A webhook as a client writes it."""

    url = Url(required=True, description="Where events are sent, by POST.", example="https://hooks.example.com/aasim")
    events = ListOf(
        Patterned(EVENT_PATTERN, EXPECTED, max_length=100),
        100, min_items=1, unique=True, required=True, example=["executions.*"],
        description="Names of events; * stands for the plugin, for what happened, or for both.",
    )  # fmt: skip
    filter = Text(
        1, 1024, multiline=True, allow_none=True, load_default=None, description=f"{_FILTER} null: none.", example=_EXAMPLE,
    )  # fmt: skip
    payload = Choice(*PAYLOADS, load_default=FULL, description=_PAYLOAD)
    format = Choice(*FORMATS, load_default=STANDARD, description=_FORMAT)
    order = Choice(*ORDERS, load_default=UNORDERED, description=_ORDER)
    description = Text(max_length=500, load_default="", example="The shop's back office")
    headers = Json(
        object_only=True, max_bytes=16_384, max_depth=1, load_default=dict, load_only=True, example={"Authorization": "Bearer …"},
        description="What is sent besides, each a text; kept encrypted, and shown with *** for its value.",
    )  # fmt: skip


class NewWebhookIn(WebhookIn):
    """A new webhook."""

    signature = Choice(*SIGNATURES, load_default=V1, description=_SIGNATURE)


class WebhookOut(RecordOut):
    """A webhook as a client gets it: all but its secret."""

    id = Id("webhook", required=True)
    url = Text(max_length=2048, required=True)
    events = ListOf(Text(), required=True, example=["executions.*"])
    filter = Text(max_length=1024, multiline=True, allow_none=True, required=True, description=_FILTER, example=_EXAMPLE)
    payload = Choice(*PAYLOADS, required=True, description=_PAYLOAD)
    format = Choice(*FORMATS, required=True, description=_FORMAT)
    order = Choice(*ORDERS, required=True, description=_ORDER)
    event_versions = Json(
        object_only=True, required=True, example={},
        description="The versions that events had when it was created, by name; of an event that is not there, 1.",
    )  # fmt: skip
    description = Text(max_length=500, required=True)
    status = Choice(*STATUSES, required=True, description="auto_disabled: it is gone, or has failed for five days.")
    disabled_at = Instant(allow_none=True, required=True, description="Since when nothing is sent; null while it is active.")
    headers = Json(object_only=True, required=True, example={"Authorization": "***"})
    signature = Choice(*SIGNATURES, required=True, description=_SIGNATURE)
    public_key = Text(allow_none=True, required=True, description="What v1a is verified with.", example="whpk_…")
    previous_expires_at = Instant(allow_none=True, required=True, description="How long the secret before signs too, or did.")
    health = Choice(
        *HEALTH, required=True, description="open: it is left alone until resumes_at; half_open: one event is sent to see."
    )
    consecutive_failures = Integer(0, required=True, description="Attempts that failed since one succeeded.")
    failing_since_at = Instant(allow_none=True, required=True, description="When the first of them was.")
    resumes_at = Instant(allow_none=True, required=True, description="When something is sent again, where it is left alone.")
    held_count = Integer(0, required=True, description="Events that are held since they happened while it was disabled.")
    oldest_held_at = Instant(allow_none=True, required=True)
    dropped_count = Integer(0, required=True, description="Events that were held for too long, or were too many.")


class PreviewIn(_WithFilter):
    """A filter to try."""

    filter = Text(
        1, 1024, multiline=True, allow_none=True, description="Left out: the webhook's own; null: none.", example=_EXAMPLE
    )
    limit = Integer(1, 100, load_default=25, description="Of how many of the last events it is told.")


class PreviewedOut(Schema):
    """What a filter says of an event."""

    event_id = Id("evt", required=True)
    event = Text(required=True, example="agents.created")
    occurred_at = Instant(required=True)
    is_sent = Boolean(required=True, description="Whether it would be sent.")
    error = Text(
        max_length=500,
        allow_none=True,
        required=True,
        description="Why the filter is neither true nor false, so that it is sent.",
    )


class PreviewOut(Schema):
    """What a filter says of the last events."""

    filter = Text(max_length=1024, multiline=True, allow_none=True, required=True, example=_EXAMPLE)
    items = ListOf(
        Object(PreviewedOut), 100, required=True, description="Of the organization's last 1,000 those that events means."
    )


class ReplayIn(Schema):
    """Which deliveries are to be sent from the beginning."""

    only = Choice(  # type: ignore[assignment]  # marshmallow has an attribute of that name
        *ONLY, required=True, description="all: what was delivered too; never what is on its way.", example="held"
    )
    since_at = Instant(allow_none=True, load_default=None, description="Those that were made then or later; null is no bound.")
    until_at = Instant(allow_none=True, load_default=None, description="Those that were made earlier; null is now.")
    dry_run = Boolean(load_default=False, description="Only tell which they are.")


class ReplayOut(Schema):
    """The deliveries that are sent from the beginning, or would be."""

    only = Choice(*ONLY, required=True)  # type: ignore[assignment]  # as above
    since_at = Instant(allow_none=True, required=True)
    until_at = Instant(required=True)
    count = Integer(0, required=True, description="How many there are.")
    oldest_at = Instant(allow_none=True, required=True, description="When the first of them was made.")
    dry_run = Boolean(required=True)


class ShownWebhookOut(WebhookOut):
    """A webhook with its secret, which is shown this once."""

    secret = Text(
        allow_none=True, required=True, example="whsec_…",
        description="What v1 is made and verified with. It is never shown again; null for v1a, whose private key is not shown at all.",
    )  # fmt: skip


class ToggleIn(Schema):
    """Whether events are to be sent."""

    status = Choice(ACTIVE, DISABLED, required=True, example=DISABLED)


class RotateIn(Schema):
    """How the change from the old secret to the new one goes."""

    signature = Choice(*SIGNATURES, description="As before if it is left out.")
    overlap_seconds = Integer(0, 7 * _DAY, load_default=_DAY, description="How long the old secret signs beside the new one.")


class AttemptOut(Schema):
    """How one request to a webhook went."""

    code = Choice(*CODES, required=True)
    http_status = Integer(allow_none=True, required=True, description="What it answered, if it did.")
    duration_ms = Integer(0, required=True)
    response_body = Text(max_length=1024, multiline=True, required=True, description="The first 1024 bytes of the answer.")


class LastAttemptOut(AttemptOut):
    """The last request of a delivery."""

    attempted_at = Instant(required=True)


class TestOut(AttemptOut):
    """How a test went."""

    ok = Boolean(required=True, description="Whether the answer was one of 200 to 299.")


class DeliveryOut(RecordOut):
    """An event on its way to a webhook."""

    id = Id("delivery", required=True)
    webhook_id = Id("webhook", required=True)
    event_id = Id("evt", required=True, description="The activity's id, which is sent as webhook-id.")
    event = Text(required=True, example="agents.created")
    subject_id = Id(allow_none=True, required=True, description="What the event is about.")
    position = Integer(
        1,
        allow_none=True,
        required=True,
        description="It is sent after those about the subject with lower ones; null: in no order.",
    )
    event_version = Integer(1, required=True, description="The version of the event that is sent.")
    payload = Choice(*PAYLOADS, required=True, description="That of the webhook when the event happened.")
    format = Choice(*FORMATS, required=True, description="That of the webhook when the event happened.")
    status = Choice(*DELIVERY_STATUSES, required=True)
    attempts = Integer(0, required=True, description="Requests since it began, or was asked for once more.")
    next_attempt_at = Instant(
        allow_none=True, required=True, description="Null where none is due, and while it waits for another one."
    )
    delivered_at = Instant(allow_none=True, required=True)
    last_attempt = Object(LastAttemptOut, allow_none=True, required=True)
