"""The composition root: builds one app with read-only registries from settings and plugins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from . import hookspecs
from .app import App
from .builtin.declarations import core_declarations
from .collecting import collect, organization_settings
from .data.backends.connect import bind, connect
from .data.database import Database
from .data.transactions import Transaction
from .errors import Refused
from .events.declarations import Declared, Listener
from .events.delivery import deliver
from .events.log import Deliveries
from .http.operations import Endpoint
from .jobs.errors import GiveUp, TryAgain
from .jobs.queue import flush as flush_jobs
from .logs.hook_trace import trace_hooks
from .logs.repeated_errors import RepeatedErrors
from .plugins import Collected, Plugins
from .plugins.containment import Origin, contained, contained_call
from .plugins.extensions import Offers
from .plugins.loading.loader import examine, load
from .plugins.loading.selection import HasPlugins
from .secrets import load_keyring
from .serving.expanding import with_references
from .settings import Settings
from .spans import SpanReceiver, Spans
from .tenancy.organization_settings import OrganizationSettings


class _AfterCommit:
    """What a listener that is called after the commit may raise, as a job may; it has no limit of time."""

    foreseen = (Refused, GiveUp, TryAgain)


def build_app(settings: Settings, *, database: Database | None = None, plugins: Plugins | None = None) -> App:
    """Load the plugins, connect, and collect their declarations; StartupError with every problem.

    `plugins` are those already loaded for the same settings.
    """
    plugins = plugins or load_plugins(settings)
    if settings.plugins.trace_hooks:
        trace_hooks(plugins.manager)
    settings = settings.with_sections(plugins.schemas, off=[plugin.name for plugin in plugins.found if plugin.state != "on"])
    app = App(settings, database or open_database(settings), load_keyring(settings.secrets.key_file), plugins)
    app.organization_settings = OrganizationSettings(organization_settings(plugins, app))
    collected = collect(plugins, app, core_declarations(app))
    if settings.plugins.trace_hooks and collected.plugins.manager is not plugins.manager:  # some plugin is broken
        trace_hooks(collected.plugins.manager)
    _fill(app, collected)
    return app


def load_plugins(settings: HasPlugins) -> Plugins:
    """Return the plugins of the settings; StartupError with every problem, see `loading.load`."""
    return load(settings, hookspecs)


def examine_plugins(settings: HasPlugins) -> Plugins:
    """Return the same, but report problems only in `Plugins.problems`."""
    return examine(settings, hookspecs)


def open_database(settings: Settings, url: str | None = None, role: str | None = None) -> Database:
    """Return the database of the settings, or the one at `url`; connections are opened on demand."""
    section = settings.database
    return connect(
        url or section.url,
        threads=max(settings.server.threads, settings.worker.threads + 4),
        durability=section.durability,
        role=role or section.app_role,
        wait_seconds=section.pool_wait_seconds,
        statement_seconds=section.statement_timeout_seconds,
    )


def _fill(app: App, collected: Collected) -> None:
    app.plugins = collected.plugins
    app.declared = MappingProxyType(dict(collected.by_owner))
    app.permissions = MappingProxyType(collected.permissions)
    app.events = Declared(collected.events)
    app.error_codes = MappingProxyType(collected.error_codes)
    app.jobs = MappingProxyType(collected.jobs)
    app.listeners = MappingProxyType(_contained_listeners(collected))
    app.models = tuple(collected.models.values())
    app.endpoints, app.checks = (
        tuple(_with_refusals(with_references(collected.endpoints), app.listeners)),
        tuple(collected.checks),
    )
    app.deliveries = Deliveries(app.events, app.listeners, app.features.allowed_in)
    app.offers = Offers(collected, app.features)
    app.spans = Spans(tuple(_contained_receivers(collected)), app.features.allowed_in)
    app.running_hooks.follow(app.plugins)
    bind(app.database, app.models)
    app.database.before_commit = lambda transaction: _finish(app, transaction)
    app.database.when_emitted = app.deliveries.when_emitted


def _contained_listeners(collected: Collected) -> Mapping[str, Listener]:
    on = {plugin.name: plugin for plugin in collected.plugins.on}
    listeners = ((key, key.partition("/"), listener) for key, listener in collected.listeners.items())
    return {
        key: _contained_listener(listener, on[owner].origin("listeners", name)) if owner in on else listener
        for key, (owner, _, name), listener in listeners
    }


def _contained_listener(listener: Listener, origin: Origin) -> Listener:
    """Return the listener contained. Called after the commit, it may take its time: others wait for it only if it writes first."""
    kept = contained(listener, origin)
    if listener.moment != "after_commit":
        return kept
    return replace(kept, function=contained_call(listener.function, _AfterCommit, origin, name="function"))


def _contained_receivers(collected: Collected) -> Iterator[tuple[str, SpanReceiver]]:
    on = {plugin.name: plugin for plugin in collected.plugins.on}
    for owner, receiver in collected.each("span_receivers"):
        origin = on[owner].origin("span_receivers", receiver.name)
        yield owner, contained(receiver, replace(origin, repeated=RepeatedErrors()))


def _with_refusals(endpoints: Iterable[Endpoint], listeners: Mapping[str, Listener]) -> Iterator[Endpoint]:
    """Return the endpoints; listeners may refuse those that can change something."""
    codes = tuple(dict.fromkeys(code for listener in listeners.values() for code in listener.refusals))
    for endpoint in endpoints:
        changes = codes and endpoint.needs_caller and endpoint.method in ("POST", "PUT", "PATCH")
        yield replace(endpoint, refused_by_listeners=codes) if changes else endpoint


def _finish(app: App, transaction: Transaction) -> None:
    """End every transaction: write events, their deliveries, deferred actions and jobs in the rows' own transaction."""
    for organization_id in transaction.bumped:
        transaction.after_commit.append(partial(app.organization_states.forget, organization_id))
    deliver(app.deliveries, app.organization_states, transaction)
    for do in transaction.at_end.values():
        do()
    flush_jobs(transaction, app.database, app.jobs, app.notifier.notify)
