"""Halted engines: new calls are refused, and running ones end."""

import time
from typing import Any

from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind

from ..chat import NoRoom, ShouldCancel
from ..models import Engine

#: How often a call looks whether its engine was halted.
_LOOK_EVERY_SECONDS = 1.0
#: Interval at which callers of a halted engine check again.
_LOOK_AGAIN_SECONDS = 5.0


class Watch:
    """Watches whether a call must end: its caller cancelled it, or its engine is halted, which `has_seen_halt` then tells."""

    def __init__(self, engine: Engine, should_cancel: ShouldCancel) -> None:
        self._engine_id, self._should_cancel = engine.id, should_cancel
        self._looked_at = time.monotonic()
        self.has_seen_halt = False

    def __call__(self) -> bool:
        return self._should_cancel() or self._is_halted()

    def _is_halted(self) -> bool:
        if not self.has_seen_halt and time.monotonic() - self._looked_at >= _LOOK_EVERY_SECONDS:
            self.has_seen_halt = _halted_at(self._engine_id) is not None
            self._looked_at = time.monotonic()
        return self.has_seen_halt


def waits(engine: Engine) -> NoRoom:
    """Return the exception for callers that must wait until the engine is resumed."""
    return NoRoom(f"the engine {engine.name} is halted", retry_after=_LOOK_AGAIN_SECONDS)


def _halted_at(engine_id: str) -> str | None:
    row = _halt.one(id=engine_id)
    return row[0] if row else None


@compiled(Engine)
def _halt() -> Any:
    return Engine.select(Engine.halted_at).where(Engine.id == Bind("id"))
