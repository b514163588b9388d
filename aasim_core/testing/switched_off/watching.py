"""Watch what a plugin brings: which parts of it are called, and for which organization."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields, replace
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

from ...app import App
from ...context import scope_or_nothing
from ...events.declarations import Listener
from ...events.log import Deliveries, owner_of
from ...jobs.declarations import Job
from ...spans import Span, SpanReceiver, Spans

_T = TypeVar("_T")


class Watch:
    """The calls of the parts of a plugin, each with its organization."""

    def __init__(self) -> None:
        self._calls: set[tuple[str, str]] = set()

    def saw(self, part: str, organization_id: str) -> bool:
        """Whether the part was called for the organization since the last time that this was asked."""
        seen = (part, organization_id) in self._calls
        self._calls.discard((part, organization_id))
        return seen

    def forget(self) -> None:
        """Nothing was called so far."""
        self._calls.clear()

    def note(self, part: str, organization_id: str | None = None) -> None:
        """Remember a call for the organization, or for that in scope."""
        self._calls.add((part, organization_id or scope_or_nothing()))

    def over(self, part: str, offer: _T) -> _T:
        """The offer, whose functions note that they are called, and do what they did."""
        called = [field.name for field in fields(offer) if _is_called(field, getattr(offer, field.name))]  # type: ignore[arg-type]
        watched = {name: self._over(part, getattr(offer, name)) for name in called}
        return replace(offer, **watched)  # type: ignore[type-var]

    def _over(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            self.note(part)
            return function(*arguments, **named)

        return call

    def instead(self, part: str, result: object = None) -> Callable[..., Any]:
        """A function that notes that it is called, and does nothing else."""

        def call(*_: Any, **__: Any) -> Any:
            self.note(part)
            return result

        return call


def _is_called(field: "Field[Any]", value: Any) -> bool:
    """Whether it is a function, or a class that stands in the place of one."""
    return callable(value) and (not isinstance(value, type) or "Callable" in str(field.type))


@contextmanager
def watched_offers(app: App, plugin: str) -> Iterator[Watch]:
    """Inside, the functions of each offer of the plugin are watched, as the part ``<hook> <name>``."""
    watch, brought = Watch(), app.offers.brought_by(plugin)
    before = {hook: app.offers(hook) for hook, _ in brought}
    for hook, name in brought:
        app.offers.keep(hook, {**app.offers(hook), name: watch.over(f"{hook} {name}", app.offers(hook)[name])})
    yield watch
    for hook, offers in before.items():
        app.offers.keep(hook, offers)


@contextmanager
def watched_listeners(app: App, plugin: str) -> Iterator[Watch]:
    """Inside, the plugin's listeners are called and no other ones: they note it by their key, want every event, and do nothing."""
    watch, before = Watch(), app.deliveries
    mine = {key: _noting(watch, key, one) for key, one in app.listeners.items() if owner_of(key) == plugin}
    app.deliveries = Deliveries(app.events, mine, app.features.allowed_in)
    app.database.when_emitted = app.deliveries.when_emitted
    yield watch
    app.deliveries = before
    app.database.when_emitted = before.when_emitted


def _noting(watch: Watch, key: str, listener: Listener) -> Listener:
    at_once = None if listener.at_once is None else watch.instead(key, result=False)
    return replace(listener, function=watch.instead(key), wanted=None, at_once=at_once)


@contextmanager
def watched_jobs(app: App, plugin: str, organizations: tuple[str, ...]) -> Iterator[Watch]:
    """Inside, the plugin's jobs note that they run, by name, and do nothing; one for each organization has these to run for."""
    watch, before = Watch(), app.jobs
    mine = {name: _standing_in(watch, job, organizations) for name, job in before.items() if job.plugin == plugin}
    app.jobs = MappingProxyType({**before, **mine})
    yield watch
    app.jobs = before


def _standing_in(watch: Watch, job: Job, organizations: tuple[str, ...]) -> Job:
    each = None if job.per_organization is None else lambda: organizations
    return replace(job, function=watch.instead(job.name), per_organization=each)


@contextmanager
def watched_receivers(app: App, plugin: str) -> Iterator[tuple[Watch, list[str]]]:
    """Inside, the plugin's receivers of spans sample every trace, and note what they receive; the names of its receivers are given too."""
    watch, before, mine = Watch(), app.spans, app.declared[plugin].span_receivers
    app.spans = Spans([(plugin, _noting_spans(watch, one)) for one in mine], app.features.allowed_in)
    yield watch, [one.name for one in mine]
    app.spans = before


def _noting_spans(watch: Watch, receiver: SpanReceiver) -> SpanReceiver:
    receive: Callable[[Span], None] = lambda span: watch.note(receiver.name, span.organization_id)  # noqa: E731
    return replace(receiver, receive=receive, samples=lambda trace_id: True)
