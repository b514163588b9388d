"""The circuit breaker of engines, shared by all processes.

The state is in the engine's row. It is written on failure and on recovery; continued success is counted in the process and written every
few seconds. Callers cache the row (`finding`), so the beginning and end of a series of failures also move the organization's epoch.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import orjson
import structlog

from aasim_core import Kept
from aasim_core.clock import from_text, now, to_text
from aasim_core.data.records import compare_and_set, database_of, find_or_none
from aasim_core.events.log import emit
from aasim_core.tenancy import epoch

from ..chat import EngineError
from ..models import ACTIVE, DEGRADED, DISABLED, Engine
from ..settings import EngineSettings

if TYPE_CHECKING:
    from aasim_core.app import App

Turn = Literal["engine_degraded", "engine_recovered"]

#: A call that may take less than this says nothing about the engine when it takes longer.
_PATIENT_SECONDS = 30.0
_LONGEST_REST = 3600.0
#: Successes are written so often, and counted in slices of five minutes for an hour.
_WRITE_EVERY = 5.0
_SLICE, _WINDOW = 300, 3600
_MOST_KEPT = 10_000
_log = structlog.get_logger("aasim.engines")
#: What changes how an engine is reached: with another value of one of these it has a new start.
_REACHED_BY = ("provider", "model", "base_url", "api_key", "status")
_UNKNOWN: Mapping[str, Any] = {
    "status_since_at": None,
    "consecutive_failures": 0,
    "last_error": None,
    "next_probe_at": None,
    "slices": (),
    "last_test": None,
}


class _Tally:
    """The successes that this process has still to write, by engine."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[str, int] = {}
        self._written: dict[str, float] = {}

    def one_more(self, engine_id: str, *, at_once: bool) -> int:
        """Count a success; returns how many are to be written now."""
        with self._lock:
            count = self._counts.pop(engine_id, 0) + 1
            if at_once or time.monotonic() - self._written.get(engine_id, float("-inf")) >= _WRITE_EVERY:
                if len(self._written) >= _MOST_KEPT:
                    self._written.clear()
                self._written[engine_id] = time.monotonic()
                return count
            self._counts[engine_id] = count
            return 0


_TALLY = Kept(lambda app: _Tally())


def may_ask(app: "App", engine: Engine) -> bool:
    """Whether a call may go to the engine: always while it is active, and once after each rest while it is degraded."""
    if engine.status != DEGRADED:
        return True
    if not _is_rested(engine):
        return False
    database = database_of(Engine)
    with database.transaction(durable=False):
        database.lock(_lock_of(engine))
        fresh = find_or_none(Engine, engine.id)
        if fresh is None or fresh.status != DEGRADED:
            return fresh is not None and fresh.status == ACTIVE
        if not _is_rested(fresh):
            return False
        _write(fresh, {**_known(fresh.health), "next_probe_at": _rested_at(app, None)})
        return True


def left_alone(engine: Engine) -> EngineError:
    """Return the error for callers of an engine whose circuit is open."""
    known = _known(engine.health)
    seconds = (from_text(known["next_probe_at"]) - now()).total_seconds() if known["next_probe_at"] else 0.0
    code = (known["last_error"] or {}).get("code", "unavailable")
    message = f"the engine {engine.name} is degraded ({code}), and is tried again in a while"
    return EngineError("unavailable", message, retry_after=max(1.0, seconds))


def answered(app: "App", engine: Engine) -> Turn | None:
    """Note that the engine has answered, if only that it will not; returns what that turned."""
    is_news = engine.status == DEGRADED or bool(_known(engine.health)["consecutive_failures"])
    count = app.stash.of(_TALLY).one_more(engine.id, at_once=is_news)
    if not count:
        return None
    with database_of(Engine).transaction(durable=is_news):
        fresh = _locked(engine)
        return None if fresh is None else _noted(fresh, None, {}, calls=count)


def failed(app: "App", engine: Engine, error: EngineError, given_seconds: float) -> Turn | None:
    """Record a failed call with this timeout in seconds; returns the change of state."""
    if not error.retryable:
        return None if error.code == "unavailable" else answered(app, engine)
    if error.code == "timeout" and given_seconds < _PATIENT_SECONDS:
        return None
    limit = app.settings.section("engines", EngineSettings).breaker_failures
    with database_of(Engine).transaction():
        fresh = _locked(engine)
        if fresh is None:
            return None
        count = _known(fresh.health)["consecutive_failures"] + 1
        changes = {
            "consecutive_failures": count,
            "last_error": {"code": error.code, "message": error.message[:500], "occurred_at": to_text(now())},
        }
        if fresh.status == DEGRADED or (limit and count >= limit and fresh.status == ACTIVE):
            changes["next_probe_at"] = _rested_at(app, error.retry_after)
        return _noted(fresh, error, changes, calls=1)


def _noted(engine: Engine, error: EngineError | None, changes: Mapping[str, Any], *, calls: int) -> Turn | None:
    """Write what became of the calls, and the event if the engine's status turns."""
    known = _known(engine.health)
    known |= {"slices": _counted(known["slices"], calls, int(error is not None)), **changes}
    if error is None:
        known |= {"consecutive_failures": 0, "next_probe_at": None}
    turned = _status(engine, known)
    if turned != engine.status or bool(known["consecutive_failures"]) != bool(_known(engine.health)["consecutive_failures"]):
        epoch.bump(engine.organization_id)  # cached rows must be refreshed; the number of failures need not
    if turned == engine.status:
        _write(engine, known)
        return None
    known["status_since_at"] = to_text(now())
    changed = {"status": turned, "version": engine.version + 1, "updated_at": now(), "health": known}
    before = engine.status
    if not compare_and_set(engine, {"status": before, "version": engine.version}, changed):
        return None
    name = "degraded" if turned == DEGRADED else "recovered"
    data = {"code": (known["last_error"] or {}).get("code")}
    emit(f"engines.{name}", engine, data=data, changes={"status": [before, turned]})
    told = {"engine": engine.id, "organization_id": engine.organization_id, "code": data["code"]}
    write = _log.warning if turned == DEGRADED else _log.info
    database_of(Engine).current_transaction().after_commit.append(lambda: write(f"an engine has {name}", **told))
    return "engine_degraded" if turned == DEGRADED else "engine_recovered"


def _status(engine: Engine, known: Mapping[str, Any]) -> str:
    if engine.status == DISABLED:
        return DISABLED
    return DEGRADED if known["next_probe_at"] is not None else ACTIVE


def remember_test(engine: Engine, outcome: Mapping[str, Any]) -> None:
    """Keep how the last test went, in the running transaction."""
    fresh = _locked(engine)
    if fresh is not None:
        _write(fresh, {**_known(fresh.health), "last_test": dict(outcome)})


def is_new_start(engine: Engine, values: Mapping[str, Any]) -> bool:
    """Whether `values` let the engine be reached in another way, or turn it on or off."""
    return any(name in values and values[name] != getattr(engine, name) for name in _REACHED_BY)


def forget(engine: Engine) -> None:
    """Let the engine have a new start, in the running transaction."""
    if engine.health is not None:
        engine.health = None
        _write(engine, None)


def shown(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """An engine's health as a client gets it, from the columns ``health`` and ``status``."""
    kept = row["health"]
    if kept is None:
        return None
    known = _known(orjson.loads(kept) if isinstance(kept, str) else kept)
    slices = _recent(known.pop("slices"))
    calls, failures = (sum(one[column] for one in slices) for column in (1, 2))
    rate = None if not calls else round(1 - failures / calls, 4)
    state = "degraded" if row["status"] == DEGRADED else "failing" if known["consecutive_failures"] else "healthy"
    return {"state": state, **known, "calls": calls, "failures": failures, "success_rate": rate}


def _locked(engine: Engine) -> Engine | None:
    database_of(Engine).lock(_lock_of(engine))
    found: Engine | None = find_or_none(Engine, engine.id)
    return found


def _lock_of(engine: Engine) -> str:
    return f"engines/health/{engine.id}"


def _write(engine: Engine, known: Mapping[str, Any] | None) -> None:
    """Not a change that somebody's If-Match would trip over."""
    Engine.update(health=known and dict(known)).where(Engine.id == engine.id).execute()


def _known(kept: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**_UNKNOWN, **(kept or {})}


def _is_rested(engine: Engine) -> bool:
    at = _known(engine.health)["next_probe_at"]
    return at is None or from_text(at) <= now()


def _rested_at(app: "App", retry_after: float | None) -> str:
    rest = max(app.settings.section("engines", EngineSettings).breaker_seconds, retry_after or 0)
    return to_text(now() + timedelta(seconds=min(rest, _LONGEST_REST)))


def _recent(slices: Any) -> list[list[int]]:
    oldest = now().timestamp() - _WINDOW
    return [list(one) for one in slices if one[0] + _SLICE > oldest]


def _counted(slices: Any, calls: int, failures: int) -> list[list[int]]:
    kept = _recent(slices)
    start = int(now().timestamp()) // _SLICE * _SLICE
    if not kept or kept[-1][0] < start:
        kept.append([start, 0, 0])
    kept[-1][1] += calls
    kept[-1][2] += failures
    return kept
