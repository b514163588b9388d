"""Attempt a delivery until the webhook accepts it or it has failed."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from peewee import JOIN

from aasim_core.clock import now, to_text
from aasim_core.context import SYSTEM, acting_as
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.events.records import EventRow
from aasim_core.secrets import Unreadable

from ..creators import why_not_sent
from ..health import disable, hold_still, may_send, note_failure, note_success
from ..models import ACTIVE, DELIVERED, FAILED, PENDING, Delivery, Webhook
from ..settings import settings_of
from . import headers, lanes, signing
from .messages import Message, message_of
from .queueing import hold_line, is_first, let_next_go, queue, write
from .sending import EVENT_GONE, GONE, INTERNAL_ERROR, SUCCEEDED, THROTTLED, Outcome, Stopped, new_client, send

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext
    from aasim_core.outbound.persistent_client import KeptClient

#: Seconds from one attempt to the next, as Standard Webhooks advises.
DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
#: One webhook is sent to by the inverse of this of a worker's threads at most.
_SHARE = 4
#: No webhook can ask to be left alone for longer; and for so long it is that asks and does not say how long.
_LONGEST_REST, _USUAL_REST = 86_400.0, 60.0


def attempt(app: "App", context: "JobContext", delivery_id: str) -> None:
    """Make one attempt, unless it is none's time, and say how it went."""
    delivery, webhook, event = _with_webhook_and_event.joined(Delivery, Webhook, EventRow, id=delivery_id)
    if delivery is None or delivery.status != PENDING:
        return
    if webhook is None:  # who wrote the delivery did not know yet that the webhook was deleted
        with app.database.transaction():
            Delivery.delete().where(Delivery.id == delivery.id).execute()
        return
    if webhook.status == ACTIVE and (reason := why_not_sent(app, webhook)) is not None:
        with acting_as(SYSTEM), app.database.transaction():
            _hold_line(delivery)  # before the webhook, as everywhere
            disable(webhook.id, reason)
            _put_off(delivery)
            context.complete()
        return
    if webhook.status != ACTIVE or _rests(webhook) or not is_first(delivery):
        _wait(app, context, delivery)
        return
    if (seconds := lanes.enter(webhook.id, max(1, app.settings.worker.threads // _SHARE))) is not None:
        context.hand_back(now() + timedelta(seconds=seconds))
        return
    began = time.monotonic()
    try:
        _make(app, context, webhook, delivery, event)
    finally:
        lanes.leave(webhook.id, time.monotonic() - began)


@compiled(Delivery)
def _with_webhook_and_event() -> Any:
    columns = [field for model in (Delivery, Webhook, EventRow) for field in model._meta.sorted_fields]
    query = Delivery.select(*columns).join(Webhook, JOIN.LEFT_OUTER, on=(Webhook.id == Delivery.webhook_id))
    query = query.join(EventRow, JOIN.LEFT_OUTER, on=(EventRow.id == Delivery.event_id))
    return query.where(Delivery.id == Bind("id"))


def _wait(app: "App", context: "JobContext", delivery: Delivery) -> None:
    with app.database.transaction():
        _put_off(delivery)
        context.complete()


def _make(app: "App", context: "JobContext", webhook: Webhook, delivery: Delivery, event: EventRow | None) -> None:
    if not may_send(webhook):
        _wait(app, context, delivery)
        return
    try:
        outcome = _sent(app, webhook, delivery, event, lambda: context.must_end or context.lost)
    except Stopped:
        context.hand_back()
        return
    context.persist(partial(_write, app, context, webhook, delivery, outcome))


def give_up(payload: Mapping[str, Any], reason: str, state: str) -> None:
    """The job has failed for good, for a reason of ours: so has the delivery, and holds up no other. Needs a transaction."""
    delivery = records.find_or_none(Delivery, payload["delivery_id"])
    if delivery is None or delivery.status != PENDING:
        return
    _hold_line(delivery)
    if write(delivery, status=FAILED, next_attempt_at=None, last_attempt=_told(Outcome(INTERNAL_ERROR))):
        let_next_go(delivery)


def _rests(webhook: Webhook) -> bool:
    """Whether the webhook has asked to be left alone."""
    return webhook.resumes_at is not None and webhook.resumes_at > now()


def _put_off(delivery: Delivery) -> None:
    """Wait as long as the webhook asks for, spread, so that what waits does not come at once; or for one before it, or to be enabled."""
    _hold_line(delivery)
    webhook = hold_still(delivery.webhook_id)
    if webhook is None or webhook.status != ACTIVE or not is_first(delivery):
        records.change(delivery, {"next_attempt_at": None})
        return
    spread = timedelta(seconds=random.uniform(0, 30))  # noqa: S311 - spread, not secrecy
    records.change(delivery, {"next_attempt_at": webhook.resumes_at + spread if _rests(webhook) else now()})
    queue(delivery)


def _hold_line(delivery: Delivery) -> None:
    if delivery.position is not None:
        hold_line(delivery.webhook_id, delivery.subject_id)


def _sent(app: "App", webhook: Webhook, delivery: Delivery, event: EventRow | None, should_stop: Callable[[], bool]) -> Outcome:
    if event is None:
        return Outcome(EVENT_GONE)
    with acting_as(SYSTEM, event.request_id):
        return post(app, _client(settings_of(app).allowed_networks), webhook, message_of(event, delivery), should_stop)


@lru_cache(maxsize=8)
def _client(networks: Sequence[str]) -> "KeptClient":
    """The client of all attempts of a process."""
    return new_client(networks)


def post(app: "App", client: "KeptClient", webhook: Webhook, message: Message, should_stop: Callable[[], bool]) -> Outcome:
    """Send the webhook a signed message, and return the result; raises `Stopped`. Call it outside of transactions."""
    try:
        own, secrets = headers.opened(app, webhook), signing.secrets_of(app, webhook)
    except Unreadable:
        return Outcome("unreadable_secret")
    signed = signing.signed_headers(secrets, message.id, int(now().timestamp()), message.body)
    sent = {**own, **signed, "Content-Type": message.content_type}
    return send(client, webhook.url, sent, message.body, secrets=own.values(), should_stop=should_stop)


def _write(app: "App", context: "JobContext", webhook: Webhook, delivery: Delivery, outcome: Outcome) -> None:
    """Record the attempt's result, unless the delivery was restarted meanwhile."""
    with app.database.transaction():
        _hold_line(delivery)
        if write(delivery, **_values_after(delivery, outcome)):
            if delivery.status == PENDING:
                queue(delivery)
            else:
                let_next_go(delivery)
            _note(webhook, outcome)
        context.complete()


def _note(webhook: Webhook, outcome: Outcome) -> None:
    """Let the webhook stand as the outcome says; that an event is gone says nothing of it."""
    if outcome.code == SUCCEEDED:
        note_success(webhook)
    elif outcome.code != EVENT_GONE:
        note_failure(webhook, _rest_after(outcome), gone=outcome.code == GONE)


def _values_after(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    attempts, moment = delivery.attempts + 1, now()
    is_over = outcome.code in (GONE, EVENT_GONE) or attempts > len(DELAYS)
    status = DELIVERED if outcome.code == SUCCEEDED else FAILED if is_over else PENDING
    return {
        "status": status,
        "attempts": attempts,
        "last_attempt": _told(outcome),
        "delivered_at": moment if status == DELIVERED else None,
        "next_attempt_at": moment + _delay(attempts, outcome) if status == PENDING else None,
    }


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "attempted_at": to_text(now()),
        "code": outcome.code,
        "http_status": outcome.http_status,
        "duration_ms": outcome.duration_ms,
        "response_body": outcome.response_body,
    }


def _delay(attempts: int, outcome: Outcome) -> timedelta:
    """Return the wait after this many attempts: with 10 % jitter, and no shorter than the webhook asks for."""
    usual = DELAYS[attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - spread, not secrecy
    return timedelta(seconds=max(usual, _rest_after(outcome) or 0))


def _rest_after(outcome: Outcome) -> float | None:
    """For how many seconds the webhook asks to be left alone, if it does."""
    if outcome.retry_after is not None and outcome.code != SUCCEEDED:
        return min(outcome.retry_after, _LONGEST_REST)
    return _USUAL_REST if outcome.code == THROTTLED else None
