"""Events while a webhook is disabled: held for a time, and resent on request like failed ones."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from peewee import fn

from aasim_core import emit
from aasim_core.clock import from_text, now, to_text
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy.organizations_with import organizations_with

from .delivery.queueing import begin_anew
from .health import note_released
from .models import DELIVERED, FAILED, HELD, PENDING, Delivery, Webhook
from .settings import settings_of

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: The jobs that resend, and that discard expired held events.
REPLAY, DROP = "webhooks.replay", "webhooks.drop"
#: What can be replayed.
ONLY: Mapping[str, tuple[str, ...]] = {"failed": (FAILED,), "held": (HELD,), "all": (FAILED, HELD, DELIVERED)}
_AT_ONCE = 200
_OLDEST_FIRST = Delivery.created_at, Delivery.position, Delivery.id


def ask_for_replay(
    webhook: Webhook, only: str, since_at: datetime | None, until_at: datetime | None, *, dry_run: bool
) -> dict[str, Any]:
    """Resend a set of deliveries from the beginning, or only list it. Needs a transaction."""
    moment = now()
    asked = {
        "only": only,
        "since_at": since_at and to_text(since_at),
        "until_at": until_at and to_text(until_at),
        "moment": to_text(moment),
    }
    found: Any = Delivery.select(fn.COUNT(Delivery.id), fn.MIN(Delivery.created_at)).where(_within(webhook.id, asked))
    [(count, oldest)] = found.tuples()
    by_status: Any = (
        Delivery.select(Delivery.status, fn.COUNT(Delivery.id)).where(_created(webhook.id, asked)).group_by(Delivery.status)
    )
    counts = dict(by_status.tuples())
    told = {"only": only, "since_at": since_at and to_text(since_at), "until_at": to_text(until_at or moment), "count": count}
    if not dry_run:
        enqueue(REPLAY, {**asked, "webhook_id": webhook.id})
        emit("webhooks.replay_requested", webhook, data=told)
    by_state = {"failed": counts.get(FAILED, 0), "held": counts.get(HELD, 0), "retrying": counts.get(PENDING, 0)}
    return {**told, **by_state, "oldest_at": oldest, "dry_run": dry_run}


def replay(context: "JobContext", payload: Mapping[str, Any]) -> None:
    """Restart the deliveries of the set, the oldest first, in batches; those changed since it was listed are excluded."""
    webhook_id = payload["webhook_id"]
    chosen = _within(webhook_id, payload)
    while not context.should_stop():
        with database_of(Delivery).transaction():
            deliveries = list(Delivery.select().where(chosen).order_by(*_OLDEST_FIRST).limit(_AT_ONCE))
            held = sum(delivery.status == HELD for delivery in deliveries)
            for delivery in deliveries:
                begin_anew(delivery)
            if held:
                note_released(webhook_id, held)
        if len(deliveries) < _AT_ONCE:
            return
    context.hand_back()


def _within(webhook_id: str, asked: Mapping[str, Any]) -> Any:
    """Match the set; restarted deliveries have changed after the `moment`."""
    is_meant = Delivery.status.in_(ONLY[asked["only"]]) & (Delivery.updated_at <= from_text(asked["moment"]))
    return _created(webhook_id, asked) & is_meant


def _created(webhook_id: str, asked: Mapping[str, Any]) -> Any:
    """Match the deliveries of the webhook that were made within the bounds."""
    chosen = Delivery.webhook_id == webhook_id
    if asked["since_at"]:
        chosen &= Delivery.created_at >= from_text(asked["since_at"])
    return chosen & (Delivery.created_at < from_text(asked["until_at"])) if asked["until_at"] else chosen


def with_held() -> list[str]:
    """The organizations for which something is held. Needs a system scope."""
    return organizations_with(Webhook, Webhook.held_count > 0)


def drop(app: "App", context: "JobContext") -> None:
    """Discard held deliveries that are too old or too many, per webhook of the organization; an event counts them."""
    settings = settings_of(app)
    before = now() - timedelta(days=settings.hold_days)
    for webhook in Webhook.select().where(Webhook.held_count > 0).order_by(Webhook.id):
        excess = webhook.held_count - settings.hold_max
        while not context.should_stop() and (gone := _drop_some(webhook, before, excess)):
            excess -= gone


def _drop_some(webhook: Webhook, before: datetime, excess: int) -> int:
    """Drop some of the oldest; returns how many."""
    held = Delivery.select(Delivery.id).where(Delivery.webhook_id == webhook.id, Delivery.status == HELD)
    oldest = held.order_by(*_OLDEST_FIRST)
    chosen = oldest.limit(min(excess, _AT_ONCE)) if excess > 0 else oldest.where(Delivery.created_at < before).limit(_AT_ONCE)
    with database_of(Delivery).transaction():
        ids = [row.id for row in chosen]
        gone = int(Delivery.delete().where(Delivery.id.in_(ids), Delivery.status == HELD).execute())
        if gone:
            note_released(webhook.id, gone, dropped=True)
            emit("webhooks.events_dropped", webhook, data={"count": gone})
    return gone
