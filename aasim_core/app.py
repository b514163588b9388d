"""The composition root: settings and plugins become one app with read-only registries."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from .access.features import Features
from .access.loading import RightsCache
from .access.organization_settings import OrganizationSettings
from .access.permissions import Permission
from .access.pulse import Pulse
from .core import core_declarations
from .data import migrations
from .data.connect import Database, bind, connect
from .data.migrations import Source
from .data.records import Row
from .data.unit_of_work import Transaction
from .error_codes import CORE_CODES, ErrorCode
from .events.declarations import Declared, Event, Listener
from .events.delivery import enqueue_deliveries
from .events.log import Deliveries
from .http.expanding import with_references
from .http.health import Check
from .http.limits import Limiter
from .http.operations import Endpoint
from .http.refusals import Refusals
from .http.streams import Places
from .identity.passwords import Passwords
from .identity.tokens import AccessTokens
from .jobs.declarations import Job
from .jobs.doorbell import Doorbell
from .jobs.queue import flush as flush_jobs
from .plugins import Collected, Plugins, collect, load, organization_settings
from .plugins.offers import Offers
from .processes import API, ThisProcess
from .secrets import Keyring, load_keyring
from .settings import Settings
from .stash import Stash


@dataclass
class App:
    """Everything a process of the platform needs, handed to every hook; the registries are complete once `build_app` returns.

    `endpoints` is the operations table. `draining` is set when the process stops taking on work. What a plugin keeps is in the `stash`.
    """

    settings: Settings
    database: Database
    keyring: Keyring
    plugins: Plugins
    permissions: Mapping[str, Permission] = field(default_factory=lambda: MappingProxyType({}))
    events: Mapping[str, Event] = field(default_factory=lambda: MappingProxyType({}))
    error_codes: Mapping[str, ErrorCode] = field(default_factory=lambda: CORE_CODES)
    listeners: Mapping[str, Listener] = field(default_factory=lambda: MappingProxyType({}))
    jobs: Mapping[str, Job] = field(default_factory=lambda: MappingProxyType({}))
    endpoints: Sequence[Endpoint] = ()
    models: Sequence[type[Row]] = ()
    checks: Sequence[Check] = ()
    draining: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        auth = self.settings.auth
        self.tokens = AccessTokens(self.keyring, issuer="aasim", audience="aasim-api", lifetime_seconds=auth.access_token_seconds)
        self.passwords = Passwords(auth.hashing_at_once)
        self.stash = Stash(self)
        self.rights = RightsCache(self)
        self.features = Features(self)
        self.pulse = Pulse()
        self.limiter = Limiter(self.settings)
        self.places = Places(self.settings.server.threads)
        self.refusals = Refusals()
        self.offers = Offers(Collected(self.plugins, {}), self.features)
        self.doorbell = Doorbell(self.settings)
        self.process = self.process_of(API, self.settings.server.threads)
        self.deliveries = Deliveries({}, {})
        self.organization_settings = OrganizationSettings({})

    def process_of(self, kind: str, threads: int, name: str | None = None) -> ThisProcess:
        """This process as the others see it: an `API` or a `WORKER`."""
        plugins = [plugin.name for plugin in self.plugins.on]
        return ThisProcess(self.database, kind, threads, plugins, name, migrations.numbers(self.migration_sources))

    @property
    def hook(self) -> Any:
        """The relay through which the hooks of all plugins are asked."""
        return self.plugins.hook

    @property
    def migration_sources(self) -> list[Source]:
        """Where migrations are: the core's, then each plugin's that is on, in the order of their dependencies."""
        return migration_sources(self.plugins)


def migration_sources(plugins: Plugins) -> list[Source]:
    """Where the migrations of the core and of every plugin that is on are."""
    folders = ((plugin.name, plugin.migrations) for plugin in plugins.on)
    return [Source("core", migrations.CORE), *(Source(name, folder) for name, folder in folders if folder)]


def build_app(settings: Settings, *, database: Database | None = None, plugins: Plugins | None = None) -> App:
    """Load the plugins, connect, and collect what they declare; StartupError with every problem that stands in the way.

    `plugins` are those that were loaded for the same settings already.
    """
    plugins = plugins or load(settings)
    settings = settings.with_sections(plugins.schemas, off=[plugin.name for plugin in plugins.found if plugin.state != "on"])
    app = App(settings, database or open_database(settings), load_keyring(settings.secrets.key_file), plugins)
    app.organization_settings = OrganizationSettings(organization_settings(plugins, app))
    collected = collect(plugins, app, core_declarations(app))
    _fill(app, collected)
    return app


def open_database(settings: Settings, url: str | None = None, role: str | None = None) -> Database:
    """The database of the settings, or the one at `url`; connections are made when they are needed."""
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
    app.permissions = MappingProxyType(collected.permissions)
    app.events = Declared(collected.events)
    app.error_codes = MappingProxyType(collected.error_codes)
    app.jobs = MappingProxyType(collected.jobs)
    app.listeners = MappingProxyType(collected.listeners)
    app.models = tuple(collected.models.values())
    app.endpoints, app.checks = (
        tuple(_with_refusals(with_references(collected.endpoints), app.listeners)),
        tuple(collected.checks),
    )
    app.deliveries = Deliveries(app.events, app.listeners, app.features.allowed_in)
    app.offers = Offers(collected, app.features)
    bind(app.database, app.models)
    app.database.before_commit = lambda transaction: _finish(app, transaction)
    app.database.when_emitted = app.deliveries.when_emitted


def _with_refusals(endpoints: Iterable[Endpoint], listeners: Mapping[str, Listener]) -> Iterator[Endpoint]:
    """The endpoints, of which those that can make or change something may be refused by listeners."""
    codes = tuple(dict.fromkeys(code for listener in listeners.values() for code in listener.refusals))
    for endpoint in endpoints:
        changes = codes and endpoint.needs_caller and endpoint.method in ("POST", "PUT", "PATCH")
        yield replace(endpoint, refused_by_listeners=codes) if changes else endpoint


def _finish(app: App, transaction: Transaction) -> None:
    """The end of every transaction: events, their deliveries, what was put off, and jobs, in the rows' own transaction."""
    for organization_id in transaction.bumped:
        transaction.after_commit.append(partial(app.pulse.forget, organization_id))
    enqueue_deliveries(app.deliveries.write(transaction))
    for do in transaction.at_end.values():
        do()
    flush_jobs(app, transaction)
