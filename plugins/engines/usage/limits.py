"""Rate limits of an engine, across all processes: calls and tokens per minute, and concurrent calls.

Each limited engine has one row with its counts. A call takes its slot in a short transaction, and releases it in another; an engine without
limits costs no statement.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import peewee
import structlog

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.records import database_of, insert_rows

from ..chat import Message, NoRoom, Parameters, ShouldCancel
from ..models import Engine, EngineUse
from ..provider_kit.estimates import estimated_usage
from . import pace

#: A call that gives no sign of life for so long has lost its place; it gives one that often.
_LEASE_SECONDS, _RENEW_SECONDS = 60.0, 15.0
#: Waiting callers poll at different times, this many seconds apart, up to this maximum.
_CLOSEST, _WIDEST, _LONGEST = 0.05, 5.0, 30.0
#: How much the latest call counts in the mean duration of calls.
_WEIGHT = 0.2
_log = structlog.get_logger("aasim.engines")


@dataclass
class Place:
    """A call's place at an engine; `tokens` is what the call takes, as estimated and then as it was. Without a `key` it is free.

    `slice` is when the slice began in which the call counts.
    """

    engine_id: str = ""
    key: str = ""
    tokens: int = 0
    slice: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def watched(self, should_cancel: ShouldCancel) -> ShouldCancel:
        """Wrap `should_cancel`, which also sends heartbeats."""
        if not self.key:
            return should_cancel
        renewed = self._began

        def asked() -> bool:
            nonlocal renewed
            if time.monotonic() - renewed >= _RENEW_SECONDS:
                renewed = time.monotonic()
                _renew(self)
            return should_cancel()

        return asked

    def seconds(self) -> float:
        """How long the call has taken."""
        return time.monotonic() - self._began


@contextmanager
def place_at(engine: Engine, messages: Sequence[Message], parameters: Parameters) -> Iterator[Place]:
    """A place for one call; raises `NoRoom` when the engine's limits leave none."""
    if not any(engine.limits.values()):
        yield Place()
        return
    estimate = estimated_usage(messages, "").input_tokens + (parameters.max_output_tokens or 0)
    place = Place(engine.id, uuid4().hex, estimate)
    with _use_of(engine.id) as use:
        full = _taken(engine, use, place)
    if full is not None:
        raise full
    try:
        yield place
    finally:
        _leave(place, estimate)


@contextmanager
def _use_of(engine_id: str) -> Iterator[EngineUse]:
    """Yield the engine's running calls, locked until they are written at the end."""
    database = database_of(EngineUse)
    with database.transaction(durable=False):
        database.lock(f"engines/use/{engine_id}")
        found = EngineUse.get_or_none(EngineUse.engine_id == engine_id)
        use: EngineUse = found or EngineUse(organization_id=current_organization(), engine_id=engine_id)
        moment = now().timestamp()
        use.slices = pace.recent(use.slices, moment)
        use.running = {key: until for key, until in use.running.items() if until > moment}
        yield use
        if found is None:
            insert_rows(EngineUse, [use.row()])
        else:
            changed = {name: getattr(use, name) for name in ("slices", "running", "seconds", "next_look")}
            EngineUse.update(changed).where(EngineUse.engine_id == engine_id).execute()


def _taken(engine: Engine, use: EngineUse, place: Place) -> NoRoom | None:
    """Take the place, or say when to look again."""
    moment = now().timestamp()
    waits = dict(_waits(engine, use, place.tokens, moment))
    wait = max(waits.values(), default=0.0)
    if wait <= 0:
        use.slices = pace.added(use.slices, moment, calls=1, tokens=place.tokens)
        place.slice = use.slices[-1][0]
        use.running = {**use.running, place.key: moment + _LEASE_SECONDS}
        return None
    use.next_look = min(max(moment + wait, use.next_look + _between_looks(engine, use)), moment + _LONGEST)
    reason = next(reason for reason, seconds in waits.items() if seconds == wait)
    return NoRoom(f"the engine {engine.name} has no capacity now: its limit {reason}", retry_after=use.next_look - moment)


def _waits(engine: Engine, use: EngineUse, tokens: int, moment: float) -> Iterator[tuple[str, float]]:
    """The seconds that each limit makes the call wait, by what the limit says."""
    if rpm := engine.limits["rpm"]:
        yield f"rpm is {rpm}", pace.wait_for_call(use.slices, rpm, moment)
    if tpm := engine.limits["tpm"]:
        yield f"tpm is {tpm}", pace.wait_for_tokens(use.slices, tpm, tokens, moment)
    if most := engine.limits["concurrency"]:
        wait = _between_looks(engine, use) if len(use.running) >= most else 0.0
        yield f"concurrency is {most}", wait


def _between_looks(engine: Engine, use: EngineUse) -> float:
    """The estimated seconds until the engine has capacity for the next waiting caller."""
    rpm, concurrency = engine.limits["rpm"], engine.limits["concurrency"]
    seconds = max(60 / rpm if rpm else 0, use.seconds / concurrency if concurrency else 0)
    return min(max(seconds, _CLOSEST), _WIDEST)


def _renew(place: Place) -> None:
    with _use_of(place.engine_id) as use:
        use.running = {**use.running, place.key: now().timestamp() + _LEASE_SECONDS}


def _leave(place: Place, estimate: int) -> None:
    """Give the place back, with what the call has taken; where that cannot be written, the place is free again after a while."""
    try:
        with _use_of(place.engine_id) as use:
            use.running = {key: until for key, until in use.running.items() if key != place.key}
            use.slices = _corrected(use.slices, place, place.tokens - estimate)
            use.seconds = place.seconds() * _WEIGHT + use.seconds * (1 - _WEIGHT)
    except peewee.PeeweeException:
        _log.warning("a call's place at an engine could not be given back", engine=place.engine_id, exc_info=True)


def _corrected(slices: Sequence[pace.Slice], place: Place, more: int) -> list[pace.Slice]:
    """Return the slices after a call that took this many tokens more than its estimate, or fewer."""
    if more < 0:
        return pace.given_back(slices, place.slice, -more)
    return pace.added(slices, now().timestamp(), tokens=more)
