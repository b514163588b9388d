"""The health of a webhook: active, failing or disabled, by the results of its deliveries."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from peewee import fn

from aasim_core import emit
from aasim_core.access import grants
from aasim_core.clock import now, to_text
from aasim_core.context import SYSTEM, acting_as, current_organization
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue
from aasim_core.tenancy import epoch

from .models import ACTIVE, AUTO_DISABLED, HELD, Delivery, Webhook

#: The job that resumes waiting deliveries.
RESUME = "webhooks.resume"
#: Why a webhook is disabled.
REASONS = BY_HAND, IS_GONE, IS_FAILING, CREATOR_LEFT, CREATOR_LOST_PERMISSION = (
    "by_hand", "gone", "failing", "creator_left", "creator_lost_permission",
)  # fmt: skip
#: The job that notifies the owners that a webhook was disabled.
SEND = "webhooks.send_mail"
#: How a webhook does: it is sent everything; nothing for a while; one delivery, to see whether it is well again.
HEALTH = CLOSED, OPEN, HALF_OPEN = ("closed", "open", "half_open")
#: Consecutive failures after which the circuit opens, first for a minute, at most for an hour.
_OPENS_AT, _FIRST_REST, _LONGEST_REST = 5, 60.0, 3_600.0
#: Longer than a request takes.
_PROBE = timedelta(seconds=30)
#: Disabled is what has done nothing but fail for so long, and so often.
_PATIENCE, _LEAST_FAILURES = timedelta(days=5), 10
_MOST_MAILS = 20
_WELL = {"consecutive_failures": 0, "failing_since_at": None}


def hold_still(webhook_id: str) -> Webhook | None:
    """The webhook as it is now; whether it is active does not change until the running transaction ends."""
    _lock(webhook_id)
    webhook: Webhook | None = records.find_or_none(Webhook, webhook_id)
    return webhook


def health_of(row: Mapping[str, Any]) -> str:
    """How the webhook does, from a row with `HEALTH_COLUMNS`."""
    if row["consecutive_failures"] < _OPENS_AT:
        return CLOSED
    return OPEN if row["resumes_at"] is not None and row["resumes_at"] > to_text(now()) else HALF_OPEN


#: What `health_of` needs.
HEALTH_COLUMNS = ("consecutive_failures", "resumes_at")


def may_send(webhook: Webhook) -> bool:
    """Whether a delivery may be sent now; where the webhook was left alone, one may, until it is known how that went."""
    if webhook.consecutive_failures < _OPENS_AT:
        return True
    moment = now()
    with database_of(Webhook).transaction():
        is_over = Webhook.resumes_at.is_null() | (Webhook.resumes_at <= moment)
        claimed = Webhook.update(resumes_at=moment + _PROBE).where(Webhook.id == webhook.id, is_over).execute()
    return bool(claimed)


def note_success(webhook: Webhook) -> None:
    """It has taken a delivery, so that it is well, and is sent what waits if it was left alone. Needs a transaction."""
    if webhook.consecutive_failures < _OPENS_AT:
        if webhook.consecutive_failures:
            Webhook.update(_WELL).where(Webhook.id == webhook.id).execute()
        return
    Webhook.update({**_WELL, "resumes_at": None}).where(Webhook.id == webhook.id).execute()
    _resume(webhook)


def note_failure(webhook: Webhook, rest: float | None, *, gone: bool) -> None:
    """Record a failure: open the circuit for `rest` seconds, or longer on repeated failures; disable it after persistent failures, or if it
    is gone.

    `webhook` is as it was when the attempt began: one that began before the circuit opened counts no more once it is open. Needs a
    transaction.
    """
    began_closed, moment = webhook.consecutive_failures < _OPENS_AT, now()
    current = hold_still(webhook.id)
    if current is None:
        return
    was_open = current.consecutive_failures >= _OPENS_AT
    count = current.consecutive_failures + (0 if began_closed and was_open else 1)
    since = current.failing_since_at or moment
    is_lasting = moment - since >= _PATIENCE and count >= _LEAST_FAILURES
    values: dict[str, Any] = {"consecutive_failures": count, "failing_since_at": since}
    if count > current.consecutive_failures or rest is not None:
        rests = [each for each in (rest, _rest_after(count)) if each is not None]
        if rests:
            values["resumes_at"] = moment + timedelta(seconds=max(rests))
    Webhook.update(values).where(Webhook.id == webhook.id).execute()
    if gone or is_lasting:
        with acting_as(SYSTEM):
            disable(webhook.id, IS_GONE if gone else IS_FAILING)


def _rest_after(count: int) -> float | None:
    return None if count < _OPENS_AT else min(_FIRST_REST * 2.0 ** min(count - _OPENS_AT, 30), _LONGEST_REST)


def disable(webhook_id: str, reason: str) -> None:
    """Disable the webhook if it is active, and notify the owners. Needs a transaction."""
    webhook = hold_still(webhook_id)
    if webhook is None or webhook.status != ACTIVE:
        return
    _change(webhook, {"status": AUTO_DISABLED}, reason)
    for user_id in grants.lasting_owners()[:_MOST_MAILS]:
        enqueue(SEND, {"webhook_id": webhook_id, "user_id": user_id, "reason": reason, "creator_id": webhook.created_by})


def note_held(webhook_id: str) -> None:
    """One more of its deliveries is held. Needs a transaction."""
    oldest = fn.COALESCE(Webhook.oldest_held_at, to_text(now()))
    Webhook.update(held_count=Webhook.held_count + 1, oldest_held_at=oldest).where(Webhook.id == webhook_id).execute()


def note_released(webhook_id: str, count: int, *, dropped: bool = False) -> None:
    """This many of its deliveries are no longer held, the oldest of all perhaps. Needs a transaction."""
    still_held = (Delivery.webhook_id == webhook_id) & (Delivery.status == HELD)
    values = {
        "held_count": Webhook.held_count - count,
        "oldest_held_at": Delivery.select(fn.MIN(Delivery.created_at)).where(still_held),
        "dropped_count": Webhook.dropped_count + (count if dropped else 0),
    }
    Webhook.update(values).where(Webhook.id == webhook_id).execute()


def switch(webhook: Webhook, status: str, **taken_over: str) -> None:
    """Enable or disable the webhook manually, and reset its count of failures. Needs a transaction.

    `taken_over` is the column of its creator, where that changes.
    """
    _lock(webhook.id)
    anew = {**_WELL, "resumes_at": None}
    if webhook.status == status:
        records.compare_and_set(webhook, {}, anew)
        if changed := records.change(webhook, taken_over):
            emit("webhooks.updated", webhook, changes=changed)
        return
    _change(webhook, {"status": status, **anew, **taken_over}, BY_HAND)
    if status == ACTIVE:
        _resume(webhook)


def _resume(webhook: Webhook) -> None:
    enqueue(RESUME, {"webhook_id": webhook.id, "moment": to_text(now())}, unique_key=webhook.id)


def _change(webhook: Webhook, values: Mapping[str, Any], reason: str) -> None:
    epoch.bump(current_organization())
    is_enabled = values["status"] == ACTIVE
    since: Mapping[str, Any] = {"disabled_at": now(), "disabled_reason": reason}
    if is_enabled:
        since = {"disabled_at": None, "disabled_reason": None, "selects_since_at": now()}
    records.change(webhook, {**values, **since})
    if is_enabled:
        emit("webhooks.enabled", webhook)
    else:
        emit("webhooks.disabled", webhook, data={"reason": reason})


def _lock(webhook_id: str) -> None:
    database_of(Webhook).lock(f"webhooks/{webhook_id}")
