"""The records of webhooks: where events are sent, and each delivery of one."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, InstantField, JsonField, SealedField

STATUSES = ACTIVE, DISABLED, AUTO_DISABLED = ("active", "disabled", "auto_disabled")
DELIVERY_STATUSES = PENDING, DELIVERED, FAILED, HELD = ("pending", "delivered", "failed", "held")
#: How much of an event is sent, and in which envelope.
PAYLOADS = FULL, THIN = ("full", "thin")
FORMATS = STANDARD, CLOUDEVENTS = ("standard", "cloudevents")

#: Whether what happens to one subject is sent in order.
ORDERS = UNORDERED, BY_SUBJECT = ("none", "by_subject")


class Webhook(TenantRecord):
    """An address that events are sent to. `headers` are JSON under seal, of which `header_names` are shown.

    Of the events that the patterns `events` mean, those are left out for which the expression `filter` is false. `event_versions` has the
    versions above 1 that events had when it was made. `created_by` is who has said last what is sent where; null of one from before that
    was recorded. `selects_since_at` is when it was made or enabled, or what says which events it is for was changed.

    `disabled_at` is since when it is not active, and `disabled_reason` why. `public_key` is that of a `secret` which is a private key.
    Until `previous_expires_at` deliveries are signed with `previous_secret` too. `failing_since_at` is when the first of the
    `consecutive_failures` was, and before `resumes_at` nothing is sent. `held_count` deliveries are held, of which the first was made at
    `oldest_held_at`; `dropped_count` were dropped, since they were too old or too many.
    """

    url = peewee.TextField()
    events = JsonField()
    filter = peewee.TextField(null=True)  # type: ignore[assignment]  # peewee has a method of that name
    payload = peewee.TextField(default=FULL)
    format = peewee.TextField(default=STANDARD)
    order = peewee.TextField(default=UNORDERED)
    event_versions = JsonField(default=dict)
    selects_since_at = InstantField(null=True)
    description = peewee.TextField(default="")
    status = peewee.TextField(default=ACTIVE)
    disabled_at = InstantField(null=True)
    disabled_reason = peewee.TextField(null=True)
    created_by = IdField(null=True)
    headers = SealedField(null=True)
    header_names = JsonField(default=list)
    signature = peewee.TextField(default="v1")
    secret = SealedField()
    public_key = peewee.TextField(null=True)
    previous_secret = SealedField(null=True)
    previous_expires_at = InstantField(null=True)
    consecutive_failures = peewee.BigIntegerField(default=0)
    failing_since_at = InstantField(null=True)
    resumes_at = InstantField(null=True)
    held_count = peewee.BigIntegerField(default=0)
    oldest_held_at = InstantField(null=True)
    dropped_count = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "webhooks_webhook"
        id_prefix = "webhook"
        label = "description"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "status"), False),
        )


class Delivery(TenantRecord):
    """The delivery of an event to a webhook, once each. The message is built from the event, which is not copied here.

    Its form was fixed at its creation: the webhook's `payload` and `format`, and the event's version.

    One with a `position` is sent after those about its subject with lower ones.

    A pending one without `next_attempt_at` waits for its webhook to be enabled, or for a previous one. A held one occurred while the
    webhook was disabled, and waits to be resent.
    """

    webhook_id = IdField()
    event_id = IdField()
    event = peewee.TextField()
    subject_id = IdField(null=True)
    position = peewee.BigIntegerField(null=True)
    event_version = peewee.BigIntegerField(default=1)
    payload = peewee.TextField(default=FULL)
    format = peewee.TextField(default=STANDARD)
    status = peewee.TextField(default=PENDING)
    attempts = peewee.BigIntegerField(default=0)
    next_attempt_at = InstantField(null=True)
    delivered_at = InstantField(null=True)
    last_attempt = JsonField(null=True)

    class Meta:
        table_name = "webhooks_delivery"
        id_prefix = "delivery"
        label = "event"
        indexes = (
            (("organization_id", "webhook_id", "event_id"), True),
            (("organization_id", "webhook_id", "created_at", "id"), False),
            (("organization_id", "webhook_id", "status", "created_at", "id"), False),
            (("created_at",), False),
            peewee.Index(
                "webhooks_delivery_line",
                "webhooks_delivery",
                [peewee.SQL("organization_id, webhook_id, subject_id, position")],
                unique=True,
                where=peewee.SQL("position IS NOT NULL"),
            ),
        )
