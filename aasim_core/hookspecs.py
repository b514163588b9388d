"""Every hook that the core calls in a plugin; this file is the reference.

All hooks except `authenticate` and `feature_allowed` are called once, at start, in the order of the plugins' dependencies. They return
declarations: plain values that can be printed, compared and tested without an app.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    import click

    from .access.permissions import Permission
    from .app import App
    from .data.records import Row
    from .error_codes import ErrorCode
    from .events.declarations import Event, Listener
    from .http.operations import Resource
    from .http.request import Request
    from .jobs.declarations import Job
    from .outbound.own_api import OwnApi
    from .plugins.checks import Check
    from .spans import SpanReceiver
    from .tenancy.organization_settings import OrganizationSetting
    from .tenancy.principal import Principal
    from .terminal.output import Report

P = ParamSpec("P")
R = TypeVar("R")
Hook = TypeVar("Hook", bound=Callable[..., Any])

hookspec = pluggy.HookspecMarker("aasim")
_implements = pluggy.HookimplMarker("aasim")


class Deprecated(FutureWarning):
    """A hook, or a parameter of one, that a later version of the plugin API is without.

    `since` and `until` are versions of the plugin API: from which on it is deprecated, and which is the first without it. `instead` is a
    sentence that says what to write. A hook says so in its specification, and its implementer is notified at each start, with the
    place in their file: ``@hookspec(warn_on_impl=Deprecated("graders", since="1.1", until="2.0", instead="Implement scorers."))``; of a
    parameter, ``warn_on_impl_args={"app": Deprecated(…)}``.
    """

    def __init__(self, what: str, *, since: str, until: str, instead: str) -> None:
        super().__init__(f"{what} is deprecated since the plugin API {since}, and {until} is without it. {instead}")
        self.what, self.since, self.until, self.instead = what, since, until, instead


@overload
def hookimpl(function: Hook, /) -> Hook: ...
@overload
def hookimpl(*, spec: Callable[P, R], optionalhook: bool = ...) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
@overload
def hookimpl(*, optionalhook: bool = ...) -> Callable[[Hook], Hook]: ...
def hookimpl(function: Any = None, /, *, spec: Callable[..., Any] | None = None, optionalhook: bool = False) -> Any:
    """Mark a function of a plugin's ``__init__.py`` as its implementation of the hook of that name.

    With the specification, ``@hookimpl(spec=hookspecs.permissions)``, type checkers hold the function's parameters and return type
    against it; ValueError where the function has another name. An `optionalhook` is one of a plugin that may be off.
    """

    def mark(implementation: Any) -> Any:
        if spec is not None and implementation.__name__ != spec.__name__:
            raise ValueError(f"{implementation.__name__} is marked as the hook {spec.__name__}; give both one name")
        return _implements(optionalhook=optionalhook)(implementation)

    return mark if function is None else mark(function)


@hookspec
def config_schema() -> type[Any]:
    """Return the frozen dataclass that describes the plugin's section of the settings, ``[<plugin>]``.

    Each field is created with `aasim_core.settings.setting`; an unknown key in the section is an error at start.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def models(app: App) -> Sequence[type[Row]]:
    """Return the records that the plugin owns; their tables are named ``<plugin>_<singular>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def permissions(app: App) -> Sequence[Permission]:
    """Return the permissions that the plugin's operations require, named ``<plugin>:<verb>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def events(app: App) -> Sequence[Event]:
    """Return the events that the plugin emits, named ``<plugin>.<past tense>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def error_codes(app: App) -> Sequence[ErrorCode]:
    """Return the error codes that the plugin adds to those of the core; a plugin that is not bundled names them ``<plugin>_<what>``.

    Raise ``Refused(CODE, "…")`` with the object itself, and list it in the `refusals` of the operations that can return it. An operation
    that lists an undeclared code makes its plugin broken.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def listeners(app: App) -> Sequence[Listener]:
    """Return the plugin's event listeners.

    A ``when_emitted`` listener is called where the event is emitted, and its exception reaches the emitting code. A ``before_commit``
    listener runs at the end of the change's transaction, and its exception refuses the request. An ``after_commit`` listener is called by
    the worker, at least once, in a transaction of its own. Where the plugin is disabled for the organization, the first two are not called,
    and deliveries to the third are parked until it is enabled again. A listener with ``wanted``, a predicate of the event, receives only
    events for which it is true. With ``at_once`` it may do its work in the change's transaction, and does not receive the event then.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def jobs(app: App) -> Sequence[Job]:
    """Return the kinds of background jobs that the plugin runs, named ``<plugin>.<verb>``; they are parked where the plugin is disabled."""
    raise AssertionError("a hook specification is never called")


@hookspec
def routes(app: App) -> Sequence[Resource]:
    """Return the resources that serve the plugin's routes, all under ``/<plugin>`` or under the root of a plugin that it requires.

    A resource with a `Protocol` of its own is served outside the API, at the protocol's prefix.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """Return the plugin's settings per organization; they appear in the organization's ``settings`` under the plugin's name.

    Read them with ``app.organization_settings.of(organization_id, "<plugin>")``.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def span_receivers(app: App) -> Sequence[SpanReceiver]:
    """Return the receivers of the spans of requests, jobs, runs, and calls of engines and tools.

    They receive no spans of organizations for which the plugin is disabled. `otel` is the bundled example.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def commands(app: App) -> Sequence[click.Command]:
    """Return subcommands of the command line; they appear under ``aasim <plugin>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def prepare(app: App, report: Report, administrator: Principal | None) -> None:
    """Download or create what the plugin needs before its first request, such as a model file or a sample. Called by ``aasim up``, each
    time.

    A second run changes nothing. `report(what, done, total)` shows the progress. `administrator` is the first one, in the organization
    that was made for them; None if they may no longer act there.
    """


@hookspec
def demonstrate(app: App, api: OwnApi, say: Callable[[str], None]) -> bool | None:
    """Demonstrate the plugin once, with API and worker running, for ``aasim up --demo``; True if something was shown.

    `api` calls the API as the first administrator, and `say` prints a line.
    """


@hookspec
def startup(app: App) -> None:
    """Prepare resources before the first request or job of this process."""


@hookspec
def shutdown(app: App) -> None:
    """Release the resources of `startup`; called when this process drains."""


@hookspec
def purge(app: App) -> None:
    """Remove what the plugin keeps outside of its tables: files, objects in a store.

    Called by ``aasim plugins purge``, before the tables go. The plugin is on in this app only, and nothing was started. It is called in a
    system scope and outside of transactions. If it raises, the tables stay, and it is called again the next time, when some of it may be
    gone already.
    """


@hookspec
def health(app: App) -> Sequence[Check]:
    """Return named checks for ``/health/ready`` and ``/health/deep``."""
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def authenticate(app: App, req: Request) -> Principal | None:
    """Return the sender of the request, or None for a credential that is not this plugin's.

    Called per request, before the core checks for its own access token; the first result counts. Raise Refused ``invalid_token`` for an
    invalid credential of the plugin's. The core refuses a principal of another organization than the request's. API keys are the bundled
    example.
    """


@hookspec
def feature_allowed(app: App, organization_id: str, plugin: str) -> bool | str | None:
    """Return False, or a sentence with the reason, to disable `plugin` for the organization, with all plugins that require it; else None.

    Every plugin is called, in the organization's scope, and one that disables it is enough. The result is cached for the organization's
    epoch: call `tenancy.epoch.bump` in the transaction that changes the next result.
    """
