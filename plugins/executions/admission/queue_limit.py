"""The limit of executions that wait for a worker."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.data.statements import Bind
from aasim_core.error_codes import LIMIT, ErrorCode
from aasim_core.errors import Refused

from .. import states
from ..models import GOING, Execution
from ..settings import ExecutionSettings

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.data.database import Database

FULL = ErrorCode(
    "queue_full",
    429,
    "too many executions wait already",
    "wait for `Retry-After`",
    example="1000 executions are waiting already; try again when some are done.",
    meta={**LIMIT, "limit": "queue", "used": 1_000, "max": 1_000, "resets_at": None},
)


def refuse_full(app: "App") -> None:
    """Raises Refused where as many wait as may; counted once a second, and when those who have come since fill it."""
    limit = app.settings.section("executions", ExecutionSettings).queue_limit
    database, organization_id = records.database_of(Execution), current_organization()
    queue = _queue(database, organization_id, limit, int(time.monotonic()))
    if queue.length >= limit:
        queue.length = _waiting(database, limit)
    if queue.length >= limit:
        meta = {
            "limit": "queue", "scope": "organization", "scope_id": organization_id, "used": queue.length, "max": limit,
            "resets_at": None,
        }  # fmt: skip
        raise Refused(
            FULL, f"{queue.length} executions are waiting already; try again when some are done.", meta=meta, retry_after=5
        )
    queue.length += 1


@dataclass
class _Queue:
    """How many waited when they were counted last, and those who have come since in this process."""

    length: int


@lru_cache(maxsize=1024)
def _queue(database: "Database", organization_id: str, limit: int, second: int) -> _Queue:
    """The queue of the organization in this second of the clock."""
    return _Queue(_waiting(database, limit))


def _waiting(database: "Database", limit: int) -> int:
    """How many executions wait, up to the limit; it takes the longer, the more they are."""
    return int(database.statement(_places).run(database, {"limit": limit}).fetchone()[0])


def _places() -> Any:
    some = Execution.select(Execution.id).where(GOING, Execution.status == states.QUEUED).limit(Bind("limit"))
    return some.select_from(peewee.fn.COUNT(peewee.SQL("*")))
