"""The limit of tokens: each call's maximum is reserved before it, so that concurrent calls cannot exceed the limit.

The usage of calls is counted from their rows, which `engines` writes; a reservation exists only during its call.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.clock import now
from aasim_core.data import records

from ..engines.hookspecs import Cost, Estimate, Meter, Payer
from .models import Hold
from .plans.current_plan import Standing
from .usage import counting, limits

if TYPE_CHECKING:
    from aasim_core.app import App

_METER = counting.METERS["tokens"]
#: Maximum duration of an engine call.
_LONGEST_CALL = timedelta(days=1)


def meter(app: "App") -> Meter:
    """What the plugin brings for the hook of engines."""
    return Meter("subscriptions", partial(_check, app), partial(_reserve, app), partial(_settle, app))


def _check(app: "App", payer: Payer) -> None:
    """Refused ``plan_limit_exceeded`` where nothing is left."""
    stand = limits.limited(app, "tokens")
    if stand is not None and (used := _used(app, stand)) >= stand.plan.limits["tokens"]:
        raise limits.used_up(stand, _METER, used)


def _reserve(app: "App", payer: Payer, estimate: Estimate) -> Hold | None:
    """Hold what the call may take; None where the plan has no such limit. Refused ``plan_limit_exceeded`` where it does not fit."""
    stand = limits.limited(app, "tokens")
    if stand is None:
        return None
    wanted = estimate.input_tokens + estimate.output_tokens
    with records.database_of(Hold).transaction(durable=False):
        limits.lock("tokens")
        _release_repeated(payer)
        used, most = _used(app, stand) + _held(), stand.plan.limits["tokens"]
        if used >= most:
            raise limits.used_up(stand, _METER, used)
        if used + wanted > most:
            raise _too_much(stand, used, wanted)
        hold: Hold = records.create(Hold, execution_id=payer.execution_id, step=payer.step, tokens=wanted)
        return hold


def _settle(app: "App", hold: Hold, tokens: int, cost: Cost | None) -> None:
    """Let the call's row, which is written in the same transaction, count in the place of what was held."""
    Hold.delete().where(Hold.id == hold.id).execute()
    stand = limits.limited(app, "tokens")
    if stand is not None:
        limits.lock("tokens")
        limits.tell(stand, "tokens", _used(app, stand))


def release_left(over_among: Any) -> int:
    """Release, in every organization, the reservations of ended runs and of calls older than a day; returns their number."""
    held = list(Hold.select())
    over: Collection[str] = over_among({hold.execution_id for hold in held if hold.execution_id is not None})
    before = now() - _LONGEST_CALL
    left = [hold.id for hold in held if hold.created_at < before or hold.execution_id in over]
    return int(Hold.delete().where(Hold.id.in_(left)).execute()) if left else 0


def _used(app: "App", stand: Standing) -> int:
    return counting.used(app, _METER, stand.period, stand.timezone)


def _held() -> int:
    return int(Hold.select(peewee.fn.COALESCE(peewee.fn.SUM(Hold.tokens), 0).cast("bigint")).scalar())


def _release_repeated(payer: Payer) -> None:
    """A step that retries has crashed before: its old reservation is released, not added to the new one."""
    if payer.execution_id is not None:
        Hold.delete().where(Hold.execution_id == payer.execution_id, Hold.step == payer.step).execute()


def _too_much(stand: Standing, used: int, wanted: int) -> Exception:
    most = stand.plan.limits["tokens"]
    message = (
        f"The call may take {wanted} tokens, and the plan {stand.plan.title} has {most - used} of {most} left for the month; "
        "lower max_output_tokens, or subscribe to another plan."
    )
    return limits.exceeded(stand.plan, "tokens", used, stand.period.ends_at, message)
