"""Compute the usage of a call: as the provider reported it, or estimated from the sent and streamed text."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aasim_core.clock import now
from aasim_core.text.json import keepable_text

from ..calls.records import ANSWERED, UNFINISHED
from ..chat import Cancelled, OnToken, Partial, Provider, Reply, Unfinished, Usage
from ..models import Engine
from ..provider_kit.estimates import estimated_usage
from .limits import Place
from .metering import Bill
from .prices import Cost, cost_at


@dataclass(frozen=True)
class Spent:
    """What one call of an engine took; `partial` is the text that a call without a reply had streamed, None where it had a reply."""

    engine_id: str
    model: str
    usage: Usage
    cost: Cost | None
    partial: str | None = None


#: Called for each call with usage, whatever its result.
OnSpent = Callable[[Spent], object]


def ignore_spent(_spent: Spent) -> None:
    """Keep no account."""


@dataclass
class Charge:
    """The account of one call: `asked` is how many tokens its messages are estimated at, `ends_at` its deadline (monotonic)."""

    engine: Engine
    provider: Provider
    asked: int
    ends_at: float
    bill: Bill
    place: Place
    on_spent: OnSpent
    _heard: list[str] = field(default_factory=list)

    def hearing(self, on_token: OnToken) -> OnToken:
        """Wrap `on_token`, and record each piece for the account."""

        def hear(text: str) -> None:
            self._heard.append(text)
            on_token(text)

        return hear

    def answered(self, reply: Reply) -> None:
        """Charge a call that has a reply."""
        self._fill(reply.usage, reply.raw_model, None)

    @contextmanager
    def unfinished(self) -> Iterator[None]:
        """Charge the call inside where it ends without a reply, for the provider charges what it has read and written."""
        try:
            yield
        except BaseException as end:
            partial = (end.partial if isinstance(end, Unfinished) else None) or Partial("".join(self._heard))
            usage = self._taken(partial, ended_by_us=isinstance(end, Cancelled) or time.monotonic() >= self.ends_at)
            if usage is not None:
                self._fill(usage, partial.raw_model or self.engine.model, keepable_text(partial.text))
            raise

    def _taken(self, partial: Partial, *, ended_by_us: bool) -> Usage | None:
        """What is charged; None where the messages did not arrive, or the provider failed before it wrote anything."""
        if not partial.sent:
            return None
        written = estimated_usage((), partial.reasoning + partial.text, partial.tool_calls).output_tokens
        usage = partial.usage or Usage(self.asked, written, "estimated")
        return usage if ended_by_us or partial.usage or written else None

    def _fill(self, usage: Usage, model: str, partial: str | None) -> None:
        cost = cost_at(self.engine, self.provider, usage, model, now())
        self.bill.fill(usage, cost, model=model, outcome=ANSWERED if partial is None else UNFINISHED)
        self.place.tokens = self.bill.tokens
        self.on_spent(Spent(self.engine.id, model, usage, cost, partial))
