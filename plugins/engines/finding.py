"""Find engines: by id, the default one, and their fallbacks."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from aasim_core import Kept
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.ids import is_id
from aasim_core.tenancy.organization_state import cached

from .built_in import ensure_built_in
from .chat import EngineError
from .health import halts
from .models import DEGRADED, USABLE, Engine
from .providers import default_provider

if TYPE_CHECKING:
    from aasim_core.app import App

#: The engine for an agent's, and its fallbacks, in the organization in scope.
_USABLE: Kept[Callable[[str | None], tuple[Engine, ...]]] = Kept(
    lambda app: cached(app.organization_states, partial(_usable_for, app))
)


def find_or_none(engine_id: str) -> Engine | None:
    """The engine of that id in the organization in scope, or None."""
    return records.find_or_none(Engine, engine_id) if is_id(engine_id, "engine") else None


def find_usable(engine_id: str) -> Engine:
    """The engine of that id; Refused ``invalid_state`` where it is gone or disabled."""
    engine = find_or_none(engine_id)
    if engine is None:
        raise Refused("invalid_state", "The engine is not there any more; choose another one.")
    return _usable(engine, "choose another one")


def _usable(engine: Engine, instead: str) -> Engine:
    if engine.status not in USABLE:
        raise Refused("invalid_state", f"The engine {engine.name} is {engine.status}; enable it, or {instead}.")
    return engine


def find_default(app: "App") -> Engine:
    """The engine of agents that name none: the built-in one of the default provider; Refused ``invalid_state`` without one."""
    ensure_built_in(app)
    name = default_provider(app)
    engine = Engine.get_or_none(Engine.built_in_of == name) if name else None
    if engine is None:
        raise Refused("invalid_state", "There is no default engine here; choose an engine for the agent.")
    return _usable(engine, "choose an engine for the agent")


def engines_for(app: "App", engine_id: str | None) -> list[tuple[Engine, bool]]:
    """The engine to ask, then its fallbacks that can be used; each with whether it is the last.

    They are remembered for the organization's epoch, which every change of an engine moves. Raises NoRoom while all are halted, and
    EngineError where the first one is gone or disabled.
    """
    try:
        usable = app.stash.of(_USABLE)(engine_id)
    except Refused as refused:
        raise EngineError("unavailable", refused.message, retryable=False) from refused
    engines = [_as_it_stands(engine) for engine in usable if engine.halted_at is None]
    if not engines:
        raise halts.waits(usable[0])
    return [(engine, engine is engines[-1]) for engine in engines]


def _usable_for(app: "App", engine_id: str | None) -> tuple[Engine, ...]:
    first = find_default(app) if engine_id is None else find_usable(engine_id)
    fallbacks = [find_or_none(fallback_id) for fallback_id in first.fallback_engine_ids]
    return first, *(engine for engine in fallbacks if engine is not None and engine.status in USABLE)


def _as_it_stands(engine: Engine) -> Engine:
    """Return the engine; a degraded one is reread, because the time of its next attempt is not cached."""
    return (find_or_none(engine.id) or engine) if engine.status == DEGRADED else engine
