"""The endpoints of webhooks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from aasim_core import Collection, Refused, Request, Response, operation
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived
from aasim_core.resources.collection import Parent
from aasim_core.schemas.fields import Integer
from aasim_core.secrets import Secret

from . import creators, health, holding, previewing, schemas, service
from .delivery import headers
from .delivery.queueing import redeliver
from .delivery.sending import SUCCEEDED
from .models import ACTIVE, Delivery, Webhook


def _masked(row: Mapping[str, Any]) -> dict[str, str]:
    return dict.fromkeys(headers.names_in(row["header_names"]), headers.MASK)


class Webhooks(Collection):
    """Webhooks: addresses that are notified of events."""

    record = Webhook
    events = "webhooks"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/webhooks",
        "one": "/webhooks/{webhook_id}",
        "test": "/webhooks/{webhook_id}/test",
        "toggle": "/webhooks/{webhook_id}/toggle",
        "preview": "/webhooks/{webhook_id}/preview",
        "replay": "/webhooks/{webhook_id}/replay",
        "rotate_secret": "/webhooks/{webhook_id}/rotate-secret",
    }
    body, reply = schemas.WebhookIn(), schemas.WebhookOut()
    create_body = schemas.NewWebhookIn()
    toggle_body, rotate_body, replay_body = schemas.ToggleIn(), schemas.RotateIn(), schemas.ReplayIn()
    preview_body, preview_reply, replay_reply = schemas.PreviewIn(), schemas.PreviewOut(), schemas.ReplayOut()
    shown_reply, test_reply = schemas.ShownWebhookOut(), schemas.TestOut()
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "replace": {"summary": "Replace a {singular}. Omitted fields return to their defaults; its secret stays."},
        "update": {"summary": "Change fields of a {singular}. Headers are replaced as a whole."},
        "delete": {"summary": "Delete a {singular}. Pending deliveries are discarded."},
    }
    derived: ClassVar[Mapping[str, Derived]] = {
        "headers": Derived(("header_names",), _masked),
        "health": Derived(health.HEALTH_COLUMNS, health.health_of),
    }
    query = ListQuery(
        schemas.WebhookOut(),
        filters=("url", "status", "disabled_reason", "created_by", "created_at", "updated_at"),
        columns={"held_count": Integer(0, description="Number of events held for it, as in its health.")},
        sorts=("created_at", "updated_at"),
        search=("url", "description"),
    )

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The events must exist, and the address must be allowed for webhooks."""
        if "events" in values:
            service.refuse_idle(self.app, values["events"])
        if "url" in values:
            service.refuse_closed(self.app, values["url"])
        if "headers" in values:
            headers.refuse_bad(values["headers"])
        if record is not None:
            service.refuse_to_move_headers(record, values)
        return values

    @operation(
        "create",
        body="create_body",
        reply="shown_reply",
        status=201,
        message="{singular} created; its secret is shown this once.",
        refusals=("too_many_webhooks",),
    )
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a {singular}.

        The response shows the secret that signs its deliveries; no later response will.
        """
        webhook, secret = service.create(self.app, self.check(req, req.body), req.principal.user_id)
        resp.location = self.location(webhook)
        self._show(resp, webhook, secret)

    @operation("update", body="rotate_body", reply="shown_reply", message="Secret rotated; the new one is shown this once.")
    def on_post_rotate_secret(self, req: Request, resp: Response, webhook_id: str) -> None:
        """Rotate the secret.

        For overlap_seconds deliveries are signed with both.
        """
        webhook = req.target
        secret = service.rotate(self.app, webhook, req.body["overlap_seconds"], req.body.get("signature", webhook.signature))
        self._show(resp, webhook, secret)

    @operation("update", body="toggle_body", reply="reply", message="{singular} switched.")
    def on_post_toggle(self, req: Request, resp: Response, webhook_id: str) -> None:
        """Disable a {singular}, or enable it and send pending deliveries.

        Enabling resets its count of failures. One who enables a {singular} whose creator has left, or may no longer have events sent,
        becomes its creator.
        """
        webhook, status = req.target, req.body["status"]
        taken = creators.taken_over(self.app, webhook, req.principal.user_id) if status == ACTIVE else {}
        health.switch(webhook, status, **taken)
        resp.media = self.present(req.target)

    @operation(
        "update", body="replay_body", reply="replay_reply", status=202, also=(200,), message="The events are being sent again.",
        refusals=("invalid_state",),
    )  # fmt: skip
    def on_post_replay(self, req: Request, resp: Response, webhook_id: str) -> None:
        """Resend held or failed deliveries in the background.

        With dry_run, only list them, with 200.
        """
        webhook, dry_run = req.target, req.body["dry_run"]
        if dry_run:
            resp.status, resp.message = 200, "Nothing was sent: these are the events that a replay would send again."
        else:
            require_active(webhook)
            resp.location = self.location(webhook)
            resp.set_header("Retry-After", "1")
        resp.media = holding.ask_for_replay(webhook, **req.body)

    @operation("update", body="preview_body", reply="preview_reply", message="Tried with the last events.", transaction=False)
    def on_post_preview(self, req: Request, resp: Response, webhook_id: str) -> None:
        """Test a filter on recent events.

        The response shows which of a {singular}'s events would be sent. Nothing is changed or sent.
        """
        webhook = req.target
        resp.media = previewing.preview(self.app, webhook, req.body.get("filter", webhook.filter), req.body["limit"])

    @operation("test", reply="test_reply", message="{singular} tested.", transaction=False)
    def on_post_test(self, req: Request, resp: Response, webhook_id: str) -> None:
        """Send a {singular} a ping, even while it is disabled, and report the result.

        It takes 15 seconds at most.
        """
        outcome = service.test(self.app, req.target)
        resp.media = {**asdict(outcome), "ok": outcome.code == SUCCEEDED}

    def change(self, req: Request, record: Webhook, values: dict[str, Any]) -> Webhook:
        """Write changed values."""
        service.change(self.app, record, creators.authored(record, values, req.principal.user_id))
        return record

    def remove(self, req: Request, record: Webhook) -> None:
        """Delete the webhook and its deliveries."""
        service.remove(record)

    def _show(self, resp: Response, webhook: Webhook, secret: Secret) -> None:
        shown = secret.reveal() if webhook.public_key is None else None
        row = webhook.row()
        resp.media = {**row, "headers": _masked(row), "health": health.health_of(row), "secret": shown}


def require_active(webhook: Webhook) -> None:
    """Refused for a webhook that is disabled."""
    if webhook.status != ACTIVE:
        raise Refused("invalid_state", "The webhook is disabled; enable it first.")


class Deliveries(Collection):
    """The deliveries of a webhook, one per event."""

    record = Delivery
    events = "webhooks"
    noun = "deliveries"
    parent = Parent(Webhooks, "webhook_id")
    paths: ClassVar[Mapping[str, str]] = {
        "": "/webhooks/{webhook_id}/deliveries",
        "one": "/webhooks/{webhook_id}/deliveries/{delivery_id}",
        "redeliver": "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    }
    reply = schemas.DeliveryOut()
    query = ListQuery(
        schemas.DeliveryOut(),
        filters=("event_id", "event", "subject_id", "status", "created_at", "updated_at"),
        sorts=("created_at", "updated_at"),
        default="-created_at",
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the deliveries of a webhook, the latest first, each with its last attempt."}
    }

    @operation("update", reply="reply", status=202, message="The event is sent once more.", refusals=("invalid_state",))
    def on_post_redeliver(self, req: Request, resp: Response, webhook_id: str, delivery_id: str) -> None:
        """Resend an event under the same id, whatever its previous result."""
        require_active(req.parent)
        delivery = redeliver(req.target)
        resp.location = self.location(delivery)
        resp.set_header("Retry-After", "1")
        resp.media = self.present(delivery)
