"""Log refused attempts to change something as events, up to a limit."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import peewee
import structlog

from ..errors import Refused
from ..events.declarations import Event
from ..events.log import Subject, emit
from ..events.records import DENIED
from ..ids import is_id
from ..schemas.fields import Choice, Integer, Text
from .operations import Endpoint
from .rate_counters import MemoryWindows
from .request import Request

if TYPE_CHECKING:
    from ..data.database import Database

#: Recorded attempts of a user or key, and of an organization, per minute and process.
MOST_OF_PRINCIPAL, MOST_OF_ORGANIZATION = 10, 60
_CODES = ("permission_denied", "session_required")
EVENTS = (
    Event(
        "core.permission_denied",
        "Somebody was refused a change that they had no right to",
        "",
        {
            "operation": Text(required=True, description="What they asked for: method and path."),
            "code": Choice(*_CODES, required=True),
            "permission": Text(description="What they lacked."),
            "left_out": Integer(1, description="How many refusals before this one are not in the log, for they were too many."),
        },
    ),
)
_log = structlog.get_logger("aasim.http")


class Refusals:
    """Records refusals as events of the organization in which they happened."""

    def __init__(self) -> None:
        self._windows = MemoryWindows()
        self._lock = threading.Lock()
        self._left_out: Counter[str] = Counter()

    @contextmanager
    def noted(self, database: "Database", endpoint: Endpoint, req: Request, ids: Mapping[str, str]) -> Iterator[None]:
        """Record refusals inside the block, of an operation that writes. Needs the scope and the actor of the request."""
        try:
            yield
        except Refused as refused:
            if refused.code in _CODES:
                self._note(database, endpoint, req, ids, refused)
            raise

    def _note(self, database: "Database", endpoint: Endpoint, req: Request, ids: Mapping[str, str], refused: Refused) -> None:
        organization_id = req.caller.organization_id
        if not self._is_room(organization_id, req.caller.id):
            return
        data = {
            "operation": f"{endpoint.method} {endpoint.template}",
            "code": refused.code,
            **self._told(organization_id, refused),
        }
        try:
            with database.connected(), database.transaction():
                emit("core.permission_denied", _subject(endpoint, ids), data=data, outcome=DENIED)
        except peewee.DatabaseError as error:
            # The request stays refused even if this cannot be written.
            _log.warning("a refusal is not in the log of events", reason=type(error).__name__)

    def _is_room(self, organization_id: str, principal_id: str) -> bool:
        limits = ((f"{organization_id}/{principal_id}", MOST_OF_PRINCIPAL), (organization_id, MOST_OF_ORGANIZATION))
        if all(self._windows.hit(key, most).allowed for key, most in limits):
            return True
        with self._lock:
            self._left_out[organization_id] += 1
        return False

    def _told(self, organization_id: str, refused: Refused) -> dict[str, Any]:
        meta = next(iter(refused.problems.values()))[0].meta or {}
        lacked = {"permission": meta["permission"]} if "permission" in meta else {}
        with self._lock:
            left_out = self._left_out.pop(organization_id, 0)
        return {**lacked, "left_out": left_out} if left_out else lacked


def _subject(endpoint: Endpoint, ids: Mapping[str, str]) -> Subject:
    """Return the object that the path names, or else the operation."""
    named = [value for value in ids.values() if is_id(value)]
    if named:
        return Subject(named[-1].rpartition("_")[0], named[-1], named[-1])
    return Subject("operation", None, f"{endpoint.method} {endpoint.template}")
