"""Limits of a person's tries: concurrent ones, and those within 24 hours."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.error_codes import LIMIT, ErrorCode
from aasim_core.errors import Refused

from ...executions.models import Execution
from ..settings import settings_of

if TYPE_CHECKING:
    from aasim_core.app import App

_PERSON = {"scope": "user", "scope_id": "user_01h455vb4pex5vsknk084sn02q"}
TOO_MANY_TRIES = ErrorCode(
    "too_many_tries",
    429,
    "the person has as many tries of listings under way as may be, or has started as many as may be within 24 hours",
    "wait for `Retry-After`",
    example="You have 3 tries under way, as many as may be; wait until one has ended.",
    meta={**LIMIT, **_PERSON, "limit": "tries_at_once", "used": 3, "max": 3, "resets_at": None},
)
_DAY = timedelta(days=1)


def refuse_many(app: "App", kind: str, user_id: str) -> None:
    """Refused ``too_many_tries`` where the person may start no more runs of the kind now.

    Nobody starts another one for the same person until the running transaction ends.
    """
    records.database_of(Execution).lock(f"marketplace/tries/{current_organization()}/{user_id}")
    settings, mine = settings_of(app), (Execution.kind == kind) & (Execution.initiator_id == user_id)
    going = Execution.select().where(mine & Execution.finished_at.is_null()).count()
    if going >= settings.try_at_once:
        message = f"You have {going} tries under way, as many as may be; wait until one has ended."
        raise _refused("tries_at_once", user_id, going, settings.try_at_once, message, None)
    lately = Execution.select(Execution.created_at).where(mine & (Execution.created_at > now() - _DAY))
    last = lately.order_by(Execution.created_at.desc()).offset(settings.try_per_day - 1).first()
    if last is not None:
        started, resets_at = lately.count(), last.created_at + _DAY
        message = f"You have started {started} tries within 24 hours, as many as may be; wait until {to_text(resets_at)}."
        raise _refused("tries_per_day", user_id, started, settings.try_per_day, message, resets_at)


def _refused(limit: str, user_id: str, used: int, most: int, message: str, resets_at: datetime | None) -> Refused:
    meta: dict[str, Any] = {"limit": limit, "scope": "user", "scope_id": user_id, "used": used, "max": most}
    meta["resets_at"] = resets_at and to_text(resets_at)
    seconds = 5 if resets_at is None else max(1, round((resets_at - now()).total_seconds()))
    return Refused(TOO_MANY_TRIES, message, meta=meta, retry_after=seconds)
