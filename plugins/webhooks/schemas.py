"""Requests and responses of webhooks."""

from marshmallow import validates

from aasim_core.events.patterns import EVENT_PATTERN, EXPECTED
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Json, ListOf, Object, Patterned, Text, Url, wrong
from aasim_core.schemas.schema import RecordOut, Schema
from aasim_core.user_code import expressions

from .delivery.sending import CODES
from .delivery.signing import SIGNATURES, V1
from .filters import NAMES
from .health import HEALTH, REASONS
from .holding import ONLY
from .models import ACTIVE, DELIVERY_STATUSES, DISABLED, FORMATS, FULL, ORDERS, PAYLOADS, STANDARD, STATUSES, UNORDERED

_DAY = 86_400
_SIGNATURE = "v1: HMAC-SHA256 with a shared secret; v1a: Ed25519 with a key pair, of which you get the public key."
_PAYLOAD = "full: with all data; thin: ids only."
_FORMAT = "standard: the envelope of Standard Webhooks; cloudevents: that of CloudEvents 1.0, as JSON."
_ORDER = "by_subject: events about a subject are delivered in order; an undelivered one holds up the later ones."
_FILTER = "A CEL expression over event; an event for which it is false is not sent."
_EXAMPLE = 'event.outcome != "success"'


class _WithFilter(Schema):
    """An object with a filter."""

    @validates("filter")
    def _is_expression(self, value: str | None, data_key: str) -> None:
        problem = None if value is None else expressions.flaw(value, NAMES)
        if problem:
            raise wrong("invalid_format", problem)


class WebhookIn(_WithFilter):
    """A webhook in a request."""

    url = Url(required=True, description="The address to which events are POSTed.", example="https://hooks.example.com/aasim")
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
        description="Additional headers, each with a text; stored encrypted, and shown with *** as value.",
    )  # fmt: skip


class NewWebhookIn(WebhookIn):
    """A new webhook."""

    signature = Choice(*SIGNATURES, load_default=V1, description=_SIGNATURE)


class WebhookOut(RecordOut):
    """A webhook in a response, without its secret."""

    id = Id("webhook", required=True)
    url = Text(max_length=2048, required=True)
    events = ListOf(Text(), required=True, example=["executions.*"])
    filter = Text(max_length=1024, multiline=True, allow_none=True, required=True, description=_FILTER, example=_EXAMPLE)
    payload = Choice(*PAYLOADS, required=True, description=_PAYLOAD)
    format = Choice(*FORMATS, required=True, description=_FORMAT)
    order = Choice(*ORDERS, required=True, description=_ORDER)
    event_versions = Json(
        object_only=True, required=True, example={},
        description="The versions of events when it was created, by name; 1 for a later event.",
    )  # fmt: skip
    description = Text(max_length=500, required=True)
    status = Choice(*STATUSES, required=True, description="auto_disabled: by the platform, for the disabled_reason.")
    disabled_at = Instant(allow_none=True, required=True, description="Since when nothing is sent; null while it is active.")
    disabled_reason = Choice(*REASONS, allow_none=True, required=True, description="Why; null while it is active.")
    created_by = Id(
        "user",
        allow_none=True,
        required=True,
        description="Who last said what is sent where; null where that was not recorded yet.",
    )
    headers = Json(object_only=True, required=True, example={"Authorization": "***"})
    signature = Choice(*SIGNATURES, required=True, description=_SIGNATURE)
    public_key = Text(allow_none=True, required=True, description="The public key for verifying v1a.", example="whpk_…")
    previous_expires_at = Instant(allow_none=True, required=True, description="Until when the previous secret signs too.")
    health = Choice(
        *HEALTH, required=True, description="open: deliveries pause until resumes_at; half_open: one event is sent as a probe."
    )
    consecutive_failures = Integer(0, required=True, description="Consecutive failed attempts.")
    failing_since_at = Instant(allow_none=True, required=True, description="When the first of them failed.")
    resumes_at = Instant(allow_none=True, required=True, description="When deliveries resume, if paused.")
    held_count = Integer(0, required=True, description="Events held because they occurred while it was disabled.")
    oldest_held_at = Instant(allow_none=True, required=True)
    dropped_count = Integer(0, required=True, description="Held events that were discarded because of age or number.")


class PreviewIn(_WithFilter):
    """A filter to test."""

    filter = Text(
        1, 1024, multiline=True, allow_none=True, description="Omitted: the webhook's own; null: none.", example=_EXAMPLE
    )
    limit = Integer(1, 100, load_default=25, description="Number of recent events to test.")


class PreviewedOut(Schema):
    """A filter's result for an event."""

    event_id = Id("evt", required=True)
    event = Text(required=True, example="agents.created")
    occurred_at = Instant(required=True)
    is_sent = Boolean(required=True, description="Whether it would be sent.")
    error = Text(
        max_length=500,
        allow_none=True,
        required=True,
        description="Why the filter is neither true nor false, so that the event is sent.",
    )


class PreviewOut(Schema):
    """A filter's results for recent events."""

    filter = Text(max_length=1024, multiline=True, allow_none=True, required=True, example=_EXAMPLE)
    items = ListOf(
        Object(PreviewedOut), 100, required=True, description="Of the organization's last 1,000 events, those that match events."
    )


class ReplayIn(Schema):
    """The deliveries to resend."""

    only = Choice(  # type: ignore[assignment]  # marshmallow has an attribute of that name
        *ONLY, required=True, description="all: delivered ones too; never those in progress.", example="held"
    )
    since_at = Instant(allow_none=True, load_default=None, description="Created from then on, inclusive; null is no bound.")
    until_at = Instant(allow_none=True, load_default=None, description="Created before then; null is now.")
    dry_run = Boolean(load_default=False, description="Only list them.")


class ReplayOut(Schema):
    """The deliveries that are, or would be, resent."""

    only = Choice(*ONLY, required=True)  # type: ignore[assignment]  # as above
    since_at = Instant(allow_none=True, required=True)
    until_at = Instant(required=True)
    count = Integer(0, required=True, description="Their number.")
    failed = Integer(0, required=True, description="How many of that time have failed for good.")
    held = Integer(0, required=True, description="How many of that time are held.")
    retrying = Integer(
        0, required=True, description="How many of that time are in progress or will be tried again; no replay sends them."
    )
    oldest_at = Instant(allow_none=True, required=True, description="When the first of them was created.")
    dry_run = Boolean(required=True)


class ShownWebhookOut(WebhookOut):
    """A webhook with its secret, shown only once."""

    secret = Text(
        allow_none=True, required=True, example="whsec_…",
        description="Signs and verifies v1. It is never shown again; null for v1a, whose private key is not shown at all.",
    )  # fmt: skip


class ToggleIn(Schema):
    """The webhook's status."""

    status = Choice(ACTIVE, DISABLED, required=True, example=DISABLED)


class RotateIn(Schema):
    """The transition from the old secret to the new one."""

    signature = Choice(*SIGNATURES, description="By default unchanged.")
    overlap_seconds = Integer(0, 7 * _DAY, load_default=_DAY, description="How long the old secret signs along with the new one.")


class AttemptOut(Schema):
    """One attempt of a delivery."""

    code = Choice(*CODES, required=True)
    http_status = Integer(allow_none=True, required=True, description="The response status, if any.")
    duration_ms = Integer(0, required=True)
    response_body = Text(max_length=1024, multiline=True, required=True, description="The first 1024 bytes of the response.")


class LastAttemptOut(AttemptOut):
    """The last attempt of a delivery."""

    attempted_at = Instant(required=True)


class TestOut(AttemptOut):
    """The result of a test."""

    ok = Boolean(required=True, description="Whether the response status was 200 to 299.")


class DeliveryOut(RecordOut):
    """The delivery of an event to a webhook."""

    id = Id("delivery", required=True)
    webhook_id = Id("webhook", required=True)
    event_id = Id("evt", required=True, description="The activity's id, which is sent as webhook-id.")
    event = Text(required=True, example="agents.created")
    subject_id = Id(allow_none=True, required=True, description="The event's subject.")
    position = Integer(
        1,
        allow_none=True,
        required=True,
        description="It is sent after those about the subject with lower numbers; null: without order.",
    )
    event_version = Integer(1, required=True, description="The version of the event that is sent.")
    payload = Choice(*PAYLOADS, required=True, description="That of the webhook when the event occurred.")
    format = Choice(*FORMATS, required=True, description="That of the webhook when the event occurred.")
    status = Choice(*DELIVERY_STATUSES, required=True)
    attempts = Integer(0, required=True, description="Attempts since its creation, or since it was last resent.")
    next_attempt_at = Instant(
        allow_none=True, required=True, description="Null if none is due, and while it waits for another delivery."
    )
    delivered_at = Instant(allow_none=True, required=True)
    last_attempt = Object(LastAttemptOut, allow_none=True, required=True)
