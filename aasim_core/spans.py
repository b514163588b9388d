"""Spans for tracing: work for an organization, with its times and parent; plugins receive them.

Their ids are those of W3C Trace Context: the trace of a request's sender continues in the request, in its jobs, and in services called on
its behalf. Without a receiver for the organization no span is created, and a ``traceparent`` is passed on unchanged.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar, Literal, NamedTuple

from .context import EVERY_ORGANIZATION, current_traceparent, scope_or_nothing, traced_by

Kind = Literal["request", "job", "run", "engine", "tool", "work"]
_SAMPLED = 1


@dataclass
class Span:
    """A unit of work: a request, a job, a run from beginning to end, a call of an engine or a tool, or a part that a plugin names.

    The times are nanoseconds since 1970. `facts` are names, ids and numbers; `content` is text of people, models and tools, and empty
    unless a receiver wants it. `error` is the error code, or the type of the exception.
    """

    kind: Kind
    name: str
    organization_id: str
    trace_id: str
    id: str
    parent_id: str | None
    started_at: int
    ended_at: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


def _always(trace_id: str) -> bool:
    return True


@dataclass(frozen=True)
class SpanReceiver:
    """Receives spans, like an exporter.

    `receive` is called with each ended span, in the thread that did the work and outside of transactions: it only stores the span.
    `samples` decides by its id whether a new trace is sampled; for a request's trace, its sender has decided.
    """

    foreseen: ClassVar = ()

    name: str
    receive: Callable[[Span], object]
    samples: Callable[[str], bool] = _always
    wants_content: bool = False


class Place(NamedTuple):
    """Where a span is in its trace."""

    trace_id: str
    id: str
    parent_id: str | None
    is_sampled: bool

    @property
    def traceparent(self) -> str:
        """Return the ``traceparent`` for services called within it."""
        return f"00-{self.trace_id}-{self.id}-{_SAMPLED if self.is_sampled else 0:02x}"


class Off(AbstractContextManager["Off"]):
    """A span without a receiver."""

    wants_content = False

    def __exit__(self, *_: object) -> None:
        """Nothing was begun."""

    def scope(self) -> AbstractContextManager[None]:
        """What is done inside stays where it was."""
        return nullcontext()

    def note(self, *, error: str | None = None, **facts: Any) -> None:
        """Do nothing."""

    def say(self, **content: Any) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Nothing was begun."""


OFF = Off()


class Open(AbstractContextManager["Open"]):
    """A span that is not over: what is done in its block, or in its `scope`, is within it."""

    def __init__(self, span: Span, place: Place, receivers: Sequence[SpanReceiver], tell: Callable[..., None]) -> None:
        self._span, self._place, self._receivers, self._tell = span, place, receivers, tell
        self.wants_content = any(receiver.wants_content for receiver in receivers)

    def __enter__(self) -> "Open":
        self._within = self.scope()
        self._within.__enter__()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._within.__exit__(None, None, None)
        if error is not None:
            self.note(error=str(getattr(error, "code", None) or type(error).__name__))
        self.end()

    def scope(self) -> AbstractContextManager[None]:
        """Work inside the block is within the span, which stays open until its `end`."""
        return traced_by(self._place.traceparent)

    def note(self, *, error: str | None = None, **facts: Any) -> None:
        """Add facts; those that are None are none."""
        self._span.facts.update({name: fact for name, fact in facts.items() if fact is not None})
        self._span.error = error or self._span.error

    def say(self, **content: Any) -> None:
        """Add what was said, if somebody wants that."""
        if self.wants_content:
            self._span.content.update(content)

    def end(self, ended_at: int | None = None) -> None:
        """Hand it to its receivers: it is over."""
        self._span.ended_at = ended_at or time.time_ns()
        self._tell(self._span, self._receivers)


class Spans:
    """The spans of an app. `receivers` are those of each plugin that has some; `is_on(organization_id, plugin)` says where it is on."""

    def __init__(
        self, receivers: Sequence[tuple[str, SpanReceiver]] = (), is_on: Callable[[str, str], bool] | None = None
    ) -> None:
        self._receivers, self._is_on = receivers, is_on

    def here(self) -> Sequence[SpanReceiver]:
        """The receivers of what is done for the organization in scope."""
        if not self._receivers or self._is_on is None:
            return ()
        scope = scope_or_nothing()
        if scope in ("", EVERY_ORGANIZATION):
            return ()
        return [receiver for plugin, receiver in self._receivers if self._is_on(scope, plugin)]

    def begin(self, kind: Kind, name: str, *, started_at: int | None = None, **facts: Any) -> Open | Off:
        """A span within what is done now; it is over at the end of its block, or with `Open.end`."""
        receivers = self.here()
        if not receivers:
            return OFF
        parent = current_traceparent()
        place = _below(parent, os.urandom(8).hex()) if parent else _first(os.urandom(16).hex(), os.urandom(8).hex(), receivers)
        return self._open(kind, name, place, receivers, started_at, facts) if place.is_sampled or not parent else OFF

    def scope_of(self, key: str, traceparent: str | None) -> AbstractContextManager[None]:
        """What is done inside is within the span of that `key`, which began elsewhere, sent with this `traceparent`; see `tell`."""
        place = self._place_of(key, traceparent)
        within = place.traceparent if place is not None and (place.is_sampled or traceparent is None) else traceparent
        return traced_by(within) if within else nullcontext()

    def tell(
        self,
        kind: Kind,
        name: str,
        key: str,
        traceparent: str | None,
        times: tuple[int, int],
        facts: Mapping[str, Any],
        error: str | None,
    ) -> None:
        """Tell of a span from when to when it was, of which parts were done elsewhere: its id follows from its `key`."""
        place = self._place_of(key, traceparent)
        if place is not None and place.is_sampled:
            opened = self._open(kind, name, place, self.here(), times[0], facts)
            opened.note(error=error)
            opened.end(times[1])

    def _place_of(self, key: str, traceparent: str | None) -> Place | None:
        receivers = self.here()
        if not receivers:
            return None
        digest = sha256(key.encode()).hexdigest()
        return _below(traceparent, digest[:16]) if traceparent else _first(digest[16:48], digest[:16], receivers)

    def _open(
        self,
        kind: Kind,
        name: str,
        place: Place,
        receivers: Sequence[SpanReceiver],
        started_at: int | None,
        facts: Mapping[str, Any],
    ) -> Open:
        begun = time.time_ns() if started_at is None else started_at
        span = Span(kind, name, scope_or_nothing(), place.trace_id, place.id, place.parent_id, begun)
        opened = Open(span, place, receivers if place.is_sampled else (), self._send)
        opened.note(**facts)
        return opened

    def _send(self, span: Span, receivers: Sequence[SpanReceiver]) -> None:
        for receiver in receivers:
            with suppress(Exception):  # what is traced does not fail because a receiver does, which `contained` has told
                receiver.receive(span)


def _below(traceparent: str, span_id: str) -> Place:
    _, trace_id, parent_id, flags = traceparent.split("-")
    return Place(trace_id, span_id, parent_id, bool(int(flags, 16) & _SAMPLED))


def _first(trace_id: str, span_id: str, receivers: Sequence[SpanReceiver]) -> Place:
    return Place(trace_id, span_id, None, any(_samples(receiver, trace_id) for receiver in receivers))


def _samples(receiver: SpanReceiver, trace_id: str) -> bool:
    with suppress(Exception):  # as above
        return receiver.samples(trace_id)
    return False
