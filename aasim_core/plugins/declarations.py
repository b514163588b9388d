"""The declarations of the core and of each plugin, and their combination."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ..access.permissions import Permission
from ..error_codes import ErrorCode
from ..events.declarations import Event, Listener
from ..jobs.declarations import Job
from ..spans import SpanReceiver
from ..tenancy.organization_settings import OrganizationSetting
from .failures import place_of
from .manifest import CORE
from .registry import Plugins, Provides

if TYPE_CHECKING:
    import click

    from ..data.records import Row
    from ..http.operations import Endpoint, Resource
    from .checks import Check


@dataclass(frozen=True)
class Offer:
    """A plugin's contribution to the `hook` of another: a dataclass, whose first field is its `name`."""

    hook: str
    name: str
    value: Any


@dataclass(frozen=True)
class Declarations:
    """The declarations of one owner, the core or a plugin: a field per core hook that returns declarations, and the `offers`.

    `hooks` are the plugin's own functions, by hook, which locate a declaration. A plugin that is not `bundled` follows additional rules, so
    that plugins of independent authors can be combined.
    """

    permissions: "tuple[Permission, ...]" = ()
    events: "tuple[Event, ...]" = ()
    error_codes: "tuple[ErrorCode, ...]" = ()
    listeners: "tuple[Listener, ...]" = ()
    jobs: "tuple[Job, ...]" = ()
    routes: "tuple[Resource, ...]" = ()
    models: "tuple[type[Row], ...]" = ()
    checks: "tuple[Check, ...]" = ()
    commands: "tuple[click.Command, ...]" = ()
    organization_settings: "tuple[OrganizationSetting, ...]" = ()
    span_receivers: "tuple[SpanReceiver, ...]" = ()
    offers: tuple[Offer, ...] = ()
    owner: str = CORE
    bundled: bool = True
    hooks: "Mapping[str, Callable[..., Any]]" = field(default_factory=dict)

    def at(self, hook: str) -> str:
        """Return where the plugin implements the hook, as the end of a phrase: `` (notes/__init__.py:12)``; empty if unknown."""
        return place_of(self.hooks.get(hook))

    @cached_property
    def endpoints(self) -> "tuple[Endpoint, ...]":
        """Return the operations of its routes; raises what `endpoints_of` does."""
        from ..http.endpoints import endpoints_of

        return tuple(endpoints_of(self.owner, self.routes))

    def provides(self, settings: tuple[str, ...] = ()) -> Provides:
        """Return the names of all declarations."""
        return Provides(
            permissions=tuple(permission.id for permission in self.permissions),
            events=tuple(event.name for event in self.events),
            error_codes=tuple(str(code) for code in self.error_codes),
            jobs=tuple(job.name for job in self.jobs),
            routes=tuple(template for resource in self.routes for template in resource.paths.values()),
            tables=tuple(table_of(model) for model in self.models),
            settings=settings,
        )


@dataclass(frozen=True)
class Collected:
    """The final plugins, and the declarations of the core and of each, by owner, in the order of dependencies, the core first."""

    plugins: Plugins
    by_owner: Mapping[str, Declarations]

    def each(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Return every declaration of the `kind` (a field of `Declarations`, or its `endpoints`) with its owner, in order."""
        for owner, declared in self.by_owner.items():
            for declaration in getattr(declared, kind):
                yield owner, declaration

    @property
    def permissions(self) -> dict[str, Permission]:
        """Every permission by id."""
        return {permission.id: permission for _, permission in self.each("permissions")}

    @property
    def events(self) -> dict[str, Event]:
        """Every event by name."""
        return {event.name: event for _, event in self.each("events")}

    @property
    def error_codes(self) -> dict[str, ErrorCode]:
        """Every error code by name."""
        return {str(code): code for _, code in self.each("error_codes")}

    @property
    def jobs(self) -> dict[str, Job]:
        """Every job by name."""
        return {job.name: job for _, job in self.each("jobs")}

    @property
    def models(self) -> "dict[str, type[Row]]":
        """Every record's class by the name of its table."""
        return {table_of(model): model for _, model in self.each("models")}

    @property
    def listeners(self) -> dict[str, Listener]:
        """Every listener, in calling order, by a key that is stable across starts."""
        return {listener_key(owner, listener): listener for owner, listener in self.each("listeners")}

    @property
    def endpoints(self) -> "list[Endpoint]":
        """The operations table."""
        return [endpoint for _, endpoint in self.each("endpoints")]

    @property
    def checks(self) -> "list[Check]":
        """Every health check."""
        return [check for _, check in self.each("checks")]


def listener_key(owner: str, listener: Listener) -> str:
    """Return a listener's key for pending deliveries: the owner, the pattern and the function's name."""
    function: Any = listener.function
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{owner}/{listener.pattern}/{name}"


def table_of(model: Any) -> str:
    """Return the name of a record class's table."""
    return str(model._meta.table_name)
