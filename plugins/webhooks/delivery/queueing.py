"""Queue deliveries: new ones, retries, those of a webhook that works again, and the next one in order.

A delivery with a position is sent when no earlier one about its subject is pending. Who lets one wait or go for that reason holds the
line still meanwhile, so that none is forgotten.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from peewee import SQL

from aasim_core import emit
from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.records import database_of
from aasim_core.data.statements import Bind
from aasim_core.jobs.queue import enqueue

from ..health import note_released
from ..models import HELD, PENDING, Delivery

if TYPE_CHECKING:
    from aasim_core.jobs.context import JobContext

#: The job that makes one attempt.
DELIVER = "webhooks.deliver"
_AT_ONCE = 200


def queue(delivery: Delivery) -> None:
    """Have the delivery's next attempt made when it is due. Needs a transaction."""
    enqueue(DELIVER, {"delivery_id": delivery.id}, run_at=delivery.next_attempt_at, unique_key=delivery.id)


def hold_line(webhook_id: str, subject_id: str | None) -> None:
    """Lock the subject's deliveries against concurrent changes of order or state until the running transaction ends."""
    database_of(Delivery).lock(f"webhooks/{webhook_id}/{subject_id}")


def is_first(delivery: Delivery) -> bool:
    """Whether it need not wait for an earlier one about its subject."""
    line = {"webhook_id": delivery.webhook_id, "subject_id": delivery.subject_id, "position": delivery.position}
    return delivery.position is None or _earlier.one(**line) is None


@compiled(Delivery)
def _earlier() -> Any:
    line = (Delivery.webhook_id == Bind("webhook_id")) & (Delivery.subject_id == Bind("subject_id"))
    return Delivery.select(SQL("1")).where(line, Delivery.position < Bind("position"), Delivery.status == PENDING).limit(1)


def let_next_go(delivery: Delivery) -> None:
    """Have the one sent that waited for this one, which has come to its end. Hold the line."""
    if delivery.position is None:
        return
    line = (Delivery.webhook_id == delivery.webhook_id) & (Delivery.subject_id == delivery.subject_id)
    pending = Delivery.select().where(line, Delivery.position.is_null(False), Delivery.status == PENDING)
    following = pending.order_by(Delivery.position).first()
    if following is not None and following.next_attempt_at is None and write(following, next_attempt_at=now()):
        queue(following)


def write(delivery: Delivery, **values: Any) -> bool:
    """Write the values; False, and nothing of them, where somebody has changed the delivery since it was read."""
    stamp = {"version": delivery.version + 1, "updated_at": now()}
    return records.compare_and_set(delivery, {"version": delivery.version}, {**values, **stamp})


def redeliver(delivery: Delivery) -> Delivery:
    """Send it once more from the beginning, whatever became of it. Needs a transaction."""
    was_held = delivery.status == HELD
    begin_anew(delivery)
    if was_held:
        note_released(delivery.webhook_id, 1)
    emit("webhooks.redelivery_requested", delivery, data={"webhook_id": delivery.webhook_id, "event_id": delivery.event_id})
    return delivery


def begin_anew(delivery: Delivery) -> None:
    """Let it be sent from the first attempt on. Needs a transaction."""
    records.change(delivery, {"status": PENDING, "attempts": 0, "next_attempt_at": now(), "delivered_at": None})
    queue(delivery)


def resume(context: "JobContext", webhook_id: str, moment: datetime) -> None:
    """Resume the deliveries that waited for a webhook that is enabled, or recovered since that time; in batches."""
    later = Delivery.next_attempt_at.is_null() | (Delivery.next_attempt_at > moment)
    waits = (Delivery.webhook_id == webhook_id) & (Delivery.status == PENDING) & later
    for waiting in _some_at_a_time(waits):
        with database_of(Delivery).transaction():
            for delivery in waiting:
                records.change(delivery, {"next_attempt_at": moment})
                queue(delivery)
        if context.should_stop():
            context.hand_back()
            return


def _some_at_a_time(condition: Any) -> Iterator[Sequence[Delivery]]:
    """The deliveries in the order in which they were made; each once, for one that has to wait for another is found again."""
    after = condition
    while waiting := list(Delivery.select().where(after).order_by(Delivery.created_at, Delivery.id).limit(_AT_ONCE)):
        yield waiting
        last = waiting[-1]
        is_later = (Delivery.created_at == last.created_at) & (Delivery.id > last.id)
        after = condition & ((Delivery.created_at > last.created_at) | is_later)
