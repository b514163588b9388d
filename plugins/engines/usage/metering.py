"""Metering: meters are consulted before each engine call, and notified of its usage afterwards."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import peewee
import structlog

from aasim_core import ErrorCode, PluginFault, Refused
from aasim_core.clock import now
from aasim_core.data.records import create, database_of
from aasim_core.error_codes import LIMIT

from ..calls.records import EngineCall
from ..chat import Provider, Usage
from ..models import Engine
from .prices import FREE, Cost, cost_at

if TYPE_CHECKING:
    from aasim_core.app import App

_log = structlog.get_logger("aasim.engines")
_COUNTED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
#: What a meter refuses with that has not enough left for a call.
BUDGET_EXCEEDED = ErrorCode(
    "budget_exceeded",
    402,
    "the budget is used up",
    "wait until it resets, or have it raised",
    example='The budget "Marketing, monthly" is used up.',
    meta={"limit": "max_cost", **LIMIT, "used": 1_000_000, "max": 1_000_000},
)


@dataclass(frozen=True)
class Payer:
    """On whose behalf an engine is called; ids that do not apply are None.

    `step` is the number of the calling step of the execution, and `path` its path. A step calls engines one after the other, and again
    after a crash.
    """

    execution_id: str | None = None
    step: int | None = None
    agent_id: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    initiator_id: str | None = None
    path: str | None = None


#: Takes what writes a call's row, and calls it in a transaction that it would make anyway, soon and whatever happens meanwhile.
WriteSoon = Callable[[Callable[[], object]], object]
#: A call on nobody's behalf.
NOBODY = Payer()


@dataclass(frozen=True)
class Estimate:
    """The maximum usage of a call, as estimated before it. Its cost is looked up only when a meter needs it."""

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
    """Accounts for calls, and may refuse them.

    `check(payer)` raises Refused where nothing is left; it is called in transactions too, and only reads. `reserve(payer, estimate)` is
    called before a call and raises Refused where the estimate does not fit; its result, unless None, is passed to `settle(reservation,
    tokens, cost)` after the call, whatever its outcome. `tokens` are input and output; `cost` is None where no price is known. A failed
    call is assumed to have used nothing. `reserve` is called outside of transactions, `settle` in the transaction that writes the call's
    row.
    """

    foreseen: ClassVar = (Refused,)

    name: str
    check: Callable[[Payer], None]
    reserve: Callable[[Payer, Estimate], Any]
    settle: Callable[[Any, int, Cost | None], None]


@dataclass
class Bill:
    """What a call took: nothing, until something is known."""

    tokens: int = 0
    cost: Cost | None = FREE
    #: The fields of the call's row that say so.
    taken: Mapping[str, Any] | None = None

    def fill(self, usage: Usage, cost: Cost | None, *, model: str, outcome: str) -> None:
        """Write what it took in the end."""
        self.tokens, self.cost = usage.input_tokens + usage.output_tokens, cost
        counted = {name: getattr(usage, name) for name in _COUNTED}
        paid = {} if cost is None else {"cost": cost.amount, "currency": cost.currency, "price_source": cost.source}
        is_estimated = usage.source == "estimated"
        self.taken = {"model": model, "outcome": outcome, "is_estimated": is_estimated, **counted, **paid}


def estimate_of(engine: Engine, provider: Provider, usage: Usage) -> Estimate:
    """What a call of the engine that takes so much will cost."""
    price = partial(cost_at, engine, provider, usage, engine.model, now())
    return Estimate(engine.id, usage.input_tokens, usage.output_tokens, price)


def refuse_spent(app: "App", payer: Payer) -> None:
    """Raise a meter's refusal if nothing is left for the payer."""
    for meter in app.offers.here("meters").values():
        meter.check(payer)


@contextmanager
def metered(app: "App", payer: Payer, estimate: Estimate, write_soon: WriteSoon | None = None) -> Iterator[Bill]:
    """Let every meter reserve what the call inside may take; in the end its row is written, and they settle what the bill says.

    Where no meter has reserved anything, the row is left to `write_soon`, if there is one.
    """
    bill = Bill()
    reserved: list[tuple[Meter, Any]] = []
    try:
        for meter in app.offers.here("meters").values():
            if (reservation := meter.reserve(payer, estimate)) is not None:
                reserved.append((meter, reservation))
        yield bill
    finally:
        taken = None if bill.taken is None else {"engine_id": estimate.engine_id, **vars(payer), **bill.taken}
        if write_soon is not None and taken is not None and not reserved:
            write_soon(partial(create, EngineCall, **taken))
        elif taken is not None or reserved:
            _settle(taken, reserved, bill)


def _settle(taken: Mapping[str, Any] | None, reserved: list[tuple[Meter, Any]], bill: Bill) -> None:
    """Write the call's row and settle with every meter in one transaction, so that all count the same.

    The call has been made, so that neither a database that is away nor a fault may let it be made once more. A meter that fails is left
    out. It does not wait for the disk: the step that the call belongs to does, which commits later.
    """
    failed: Meter | None = None
    while True:
        reserved = [entry for entry in reserved if entry[0] is not failed]
        try:
            with database_of(EngineCall).transaction(durable=False):
                if taken is not None:
                    create(EngineCall, **taken)
                for failed, reservation in reserved:
                    failed.settle(reservation, bill.tokens, bill.cost)
                failed = None
        except (peewee.PeeweeException, PluginFault):
            meter = failed.name if failed else None
            _log.warning("what a call of an engine took could not be settled", meter=meter, exc_info=True)
        if failed is None:
            return
