"""Metering: whoever keeps account of what engines cost is asked before each call, and told afterwards what it took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import peewee
import structlog

from aasim_core.clock import now

from .chat import Provider, Usage
from .models import Engine
from .prices import FREE, Cost, cost_at

if TYPE_CHECKING:
    from aasim_core.app import App

_log = structlog.get_logger("aasim.engines")


@dataclass(frozen=True)
class Payer:
    """For whom an engine is asked; each id is None where there is no such thing.

    `step` is the number of the execution's step that asks. A step asks engines one after the other, and again after a crash.
    """

    execution_id: str | None = None
    step: int | None = None
    agent_id: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    initiator_id: str | None = None


#: An engine is asked for nobody in particular.
NOBODY = Payer()


@dataclass(frozen=True)
class Estimate:
    """What a call will take at most, as far as one can tell before it. What it costs is looked up only when a meter wants to know."""

    engine_id: str
    input_tokens: int
    output_tokens: int
    price: Callable[[], Cost | None]

    @cached_property
    def cost(self) -> Cost | None:
        """What it costs; None where no price is known."""
        return self.price()


@dataclass(frozen=True)
class Meter:
    """Whoever keeps account of calls, and may refuse them.

    `check(payer)` raises Refused where nothing is left; it is asked in transactions too, and only reads. `reserve(payer, estimate)` is
    asked before a call and raises Refused where the estimate does not fit; what it returns is given back to
    `settle(reservation, tokens, cost)` after the call, whatever became of it. `tokens` were read and written; `cost` is None where no
    price is known. What failed took nothing, as far as one knows. Both are called outside of transactions.
    """

    name: str
    check: Callable[[Payer], None]
    reserve: Callable[[Payer, Estimate], Any]
    settle: Callable[[Any, int, Cost | None], None]


@dataclass
class Bill:
    """What a call took: nothing, until something is known."""

    tokens: int = 0
    cost: Cost | None = FREE

    def fill(self, usage: Usage, cost: Cost | None) -> None:
        """Write what it took in the end."""
        self.tokens, self.cost = usage.input_tokens + usage.output_tokens, cost


def estimate_of(engine: Engine, provider: Provider, usage: Usage) -> Estimate:
    """What a call of the engine that takes so much will cost."""
    price = partial(cost_at, engine, provider, usage, engine.model, now())
    return Estimate(engine.id, usage.input_tokens, usage.output_tokens, price)


def refuse_spent(app: "App", payer: Payer) -> None:
    """Raise what a meter raises for whom nothing is left."""
    for meter in app.offers("meters").values():
        meter.check(payer)


@contextmanager
def metered(app: "App", payer: Payer, estimate: Estimate) -> Iterator[Bill]:
    """Let every meter reserve what the call inside may take, and settle what the bill says in the end."""
    bill = Bill()
    reserved: list[tuple[Meter, Any]] = []
    try:
        for meter in app.offers("meters").values():
            reserved.append((meter, meter.reserve(payer, estimate)))
        yield bill
    finally:
        for meter, reservation in reserved:
            _settle(meter, reservation, bill)


def _settle(meter: Meter, reservation: Any, bill: Bill) -> None:
    """Settle; the call has been made, so that a database that is away may not let it be made once more."""
    try:
        meter.settle(reservation, bill.tokens, bill.cost)
    except peewee.PeeweeException:
        _log.warning("what a call of an engine took could not be settled", meter=meter.name, exc_info=True)
