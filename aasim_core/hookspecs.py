"""Every hook that the core asks of a plugin; this file is the reference.

All hooks but `authenticate` and `feature_allowed` are asked once, at start, in the order of the plugins' dependencies. They return
declarations: plain values that can be printed, compared and tested without an app.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
    from .plugins.checks import Check
    from .spans import SpanReceiver
    from .tenancy.organization_settings import OrganizationSetting
    from .tenancy.principal import Principal
    from .terminal.output import Report

hookspec = pluggy.HookspecMarker("aasim")
hookimpl = pluggy.HookimplMarker("aasim")


@hookspec
def config_schema() -> type[Any]:
    """Return the frozen dataclass that describes the plugin's section of the settings, ``[<plugin>]``.

    Each field is made with `aasim_core.settings.setting`; a key that is no field is an error at start.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def models(app: App) -> Sequence[type[Row]]:
    """Return the records that the plugin owns; their tables are named ``<plugin>_<singular>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def permissions(app: App) -> Sequence[Permission]:
    """Return the permissions that the plugin's operations ask for, named ``<plugin>:<verb>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def events(app: App) -> Sequence[Event]:
    """Return the events that the plugin emits, named ``<plugin>.<past tense>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def error_codes(app: App) -> Sequence[ErrorCode]:
    """Return the error codes that the plugin adds to those of the core; a plugin that is not bundled names them ``<plugin>_<what>``.

    Raise ``Refused(CODE, "…")`` with the object itself, and name it in the `refusals` of the operations that can answer with it. An
    operation that names a code that nobody declares makes its plugin broken.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def listeners(app: App) -> Sequence[Listener]:
    """Return what reacts to events.

    A ``when_emitted`` listener is called where the event is emitted, and its exception reaches whoever emits it. A ``before_commit``
    listener runs at the end of the change's transaction, and its exception refuses the request; an ``after_commit`` listener is called by
    the worker, at least once, in a transaction of its own. Where the plugin is off for the organization, the first two are not called, and
    deliveries to the third are parked until it is on again. A listener with ``wanted``, a predicate of the event, gets deliveries of those
    only for which that is true.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def jobs(app: App) -> Sequence[Job]:
    """Return the kinds of background work that the plugin does, named ``<plugin>.<verb>``; parked where the plugin is off."""
    raise AssertionError("a hook specification is never called")


@hookspec
def routes(app: App) -> Sequence[Resource]:
    """Return the resources that answer the plugin's routes, all under ``/<plugin>`` or under the root of a plugin it requires.

    Those of a resource with a `Protocol` of its own are beside the API, at the protocol's prefix.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def organization_settings(app: App) -> Sequence[OrganizationSetting]:
    """Return what each organization may settle for itself; it is in the organization's ``settings`` under the plugin's name.

    Read it with ``app.organization_settings.of(organization_id, "<plugin>")``.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def span_receivers(app: App) -> Sequence[SpanReceiver]:
    """Return what receives the spans of requests, jobs, runs, and calls of engines and tools.

    What is done for an organization for which the plugin is off, it is not told of. `otel` is the bundled example.
    """
    raise AssertionError("a hook specification is never called")


@hookspec
def commands(app: App) -> Sequence[click.Command]:
    """Return subcommands of the command line; they appear under ``aasim <plugin>``."""
    raise AssertionError("a hook specification is never called")


@hookspec
def prepare(app: App, report: Report) -> None:
    """Fetch or make what the plugin needs before its first request: a model file, a sample. Asked by ``aasim up``, each time.

    The first administrator exists already. Running it again changes nothing. `report(what, done, total)` shows how far it is.
    """


@hookspec
def demonstrate(app: App, say: Callable[[str], None]) -> bool | None:
    """Show once what the plugin can do, with API and worker running, for ``aasim up --demo``; True if something was shown."""


@hookspec
def startup(app: App) -> None:
    """Prepare what must be there before the first request or job of this process."""


@hookspec
def shutdown(app: App) -> None:
    """Release what `startup` prepared; asked when this process drains."""


@hookspec
def health(app: App) -> Sequence[Check]:
    """Return named checks for ``/health/ready`` and ``/health/deep``."""
    raise AssertionError("a hook specification is never called")


@hookspec(firstresult=True)
def authenticate(app: App, req: Request) -> Principal | None:
    """Return who sent the request, or None for a credential that is not this plugin's.

    Asked per request, before the core looks for an access token of its own; the first answer counts. Refused ``invalid_token`` for a
    credential of the plugin's that is not good. The core refuses a principal of another organization than the request is about. API keys
    are the bundled example.
    """


@hookspec
def feature_allowed(app: App, organization_id: str, plugin: str) -> bool | str | None:
    """Return False, or a sentence that says why, to turn `plugin` off for the organization, with what requires it; else no opinion.

    Every plugin is asked, in the organization's scope, and one that turns it off is enough. The answer is kept for the organization's
    epoch: call `tenancy.epoch.bump` in the transaction that changes what the next answer will be.
    """
