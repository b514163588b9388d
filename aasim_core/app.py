"""The app: all state of a process, passed to every hook and resource."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from .access.loading import RightsCache
from .access.permissions import Permission
from .data.database import Database
from .data.migrator import runner as migrations
from .data.migrator.runner import Source
from .data.records import Row
from .error_codes import CORE_CODES, ErrorCode
from .events.declarations import Event, Listener
from .events.log import Deliveries
from .http.denial_log import Refusals
from .http.operations import Endpoint
from .http.rate_limits import Limiter
from .http.stream_places import Places
from .identity.authentication import Authenticator
from .identity.passwords import Passwords
from .identity.sessions import Sessions
from .identity.tokens import AccessTokens
from .jobs.declarations import Job
from .jobs.notify.notifier import Notifier
from .plugins.checks import Check
from .plugins.declarations import Collected, Declarations
from .plugins.extensions import Offers
from .plugins.registry import Plugins
from .plugins.running_hooks import RunningHooks
from .processes import API, ThisProcess
from .secrets import Keyring
from .settings import Settings
from .spans import Spans
from .tenancy.feature_switches import Features
from .tenancy.organization_settings import OrganizationSettings
from .tenancy.organization_state import OrganizationStates

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """The key of an object that each app has one of; `make` creates it on first use.

    The key is a module-level constant, and only the app holds its object: ``TALLY = Kept(lambda app: Tally())``, and then
    ``app.stash.of(TALLY)``.
    """

    def __init__(self, make: "Callable[[App], _T]") -> None:
        self.make = make


class Stash:
    """The objects that an app holds, by key; thread-safe."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._lock = threading.RLock()  # creating one may need another one
        self._held: dict[Kept[Any], Any] = {}

    def of(self, key: Kept[_T]) -> _T:
        """Return the object of the key, created if missing; concurrent callers get the same one."""
        if key not in self._held:
            with self._lock:
                if key not in self._held:
                    self._held[key] = key.make(self._app)
        held: _T = self._held[key]
        return held

    def find(self, key: Kept[_T]) -> _T | None:
        """Return the object of the key, or None if it was not created yet."""
        return self._held.get(key)


@dataclass
class App:
    """Everything a process of the platform needs, passed to every hook; the registries are complete once `build_app` returns.

    `endpoints` is the operations table. `declared` is what the core and each plugin that is on declare, by owner. `draining` is set when
    the process stops taking on work. What a plugin keeps is in the `stash`. ``rights.of(principal)`` are somebody's rights, `features`
    tells what is on for an organization, `offers` what plugins bring for it, and `organization_settings` its own settings. `spans` records
    work for tracing.
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
    declared: Mapping[str, Declarations] = field(default_factory=lambda: MappingProxyType({}))
    draining: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        auth = self.settings.auth
        self.tokens = AccessTokens(self.keyring, issuer="aasim", audience="aasim-api", lifetime_seconds=auth.access_token_seconds)
        self.passwords = Passwords(auth.hashing_at_once)
        self.sessions = Sessions(self.database, lambda: self.keyring, self.tokens, auth)
        self.running_hooks = RunningHooks(self)
        self.authenticator = Authenticator(self.database, self.tokens, auth, self.running_hooks.authenticate)
        self.stash = Stash(self)
        self.rights = RightsCache(lambda: self.permissions)
        self.organization_states = OrganizationStates()
        self.features = Features(lambda: self.plugins, self.organization_states, self.running_hooks.feature_allowed)
        self.limiter = Limiter(self.settings)
        self.places = Places(self.settings.server.threads)
        self.refusals = Refusals()
        self.spans = Spans()
        self.offers = Offers(Collected(self.plugins, {}), self.features)
        self.notifier = Notifier(self.settings)
        self.process = self.process_of(API, self.settings.server.threads)
        self.deliveries = Deliveries({}, {})
        self.organization_settings = OrganizationSettings({})

    def process_of(self, kind: str, threads: int, name: str | None = None) -> ThisProcess:
        """The role of this process: an `API` or a `WORKER`."""
        plugins = [plugin.name for plugin in self.plugins.on]
        return ThisProcess(self.database, kind, threads, plugins, name, migrations.numbers(self.migration_sources))

    @property
    def hook(self) -> Any:
        """The relay through which the hooks of all plugins are called."""
        return self.plugins.hook

    @property
    def migration_sources(self) -> list[Source]:
        """The migrations of the core, then of each enabled plugin, in the order of their dependencies."""
        return migration_sources(self.plugins)


def migration_sources(plugins: Plugins) -> list[Source]:
    """The migrations of the core and of every enabled plugin."""
    folders = ((plugin.name, plugin.migrations) for plugin in plugins.on)
    return [Source("core", migrations.CORE), *(Source(name, folder) for name, folder in folders if folder)]
