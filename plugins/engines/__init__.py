"""Engines: the models that agents run on, and the one interface to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import App, ErrorCode, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.resources import haltable
from aasim_core.schemas.fields import Boolean, Id, Integer, Text

from . import api, service
from . import commands as own_commands
from .calls import api as calls_api
from .calls.records import EngineCall
from .models import Engine, EngineUse
from .settings import EngineSettings
from .usage.metering import BUDGET_EXCEEDED

if TYPE_CHECKING:
    import click

    from .chat import Progress

plugin = Plugin("Engines", "The models that agents run on: built in, or anywhere behind a key.", uses=("dashboard",))


@hookimpl
def config_schema() -> type[EngineSettings]:
    """The section [engines]."""
    return EngineSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The engine, its running calls, and each call's usage."""
    return Engine, EngineUse, EngineCall


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about engines."""
    return (
        Permission("engines:read", "See engines", roles=("builder", "operator", "approver", "viewer", "auditor", "billing")),
        Permission("engines:read_calls", "See what calls of engines took and cost", roles=("operator", "auditor", "billing")),
        Permission("engines:correct", "Correct what calls of engines took and cost", dangerous=True, roles=("billing",)),
        Permission("engines:halt", "Stop all use of an engine, and resume it", roles=("operator",)),
        Permission("engines:manage", "Create, change, test and delete engines, and write their keys", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to engines."""
    code = Text(required=True, allow_none=True, description="Why it did not answer.")
    correction = {
        "correction_id": Id("enginecall", required=True, description="The row that holds the difference."),
        **{name: Integer(description="How much more it took.") for name in ("input_tokens", "output_tokens", "cost")},
        "currency": Text(description="Of the cost.", example="USD"),
    }
    return (
        Event("engines.created", "An engine was created", "engine"),
        Event("engines.updated", "An engine was changed", "engine"),
        Event("engines.deleted", "An engine was deleted", "engine"),
        *haltable.events_of("engines", "engine", "An engine"),
        Event("engines.degraded", "An engine did not answer, and is skipped for a while", "engine", {"code": code}),
        Event("engines.call_corrected", "What a call of an engine took was corrected", "enginecall", correction),
        Event("engines.recovered", "A degraded engine answers again", "engine", {"code": code}),
        Event(
            "engines.tested", "An engine was tested", "engine", {"ok": Boolean(required=True, description="Whether it answered.")}
        ),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What meters refuse with."""
    return (BUDGET_EXCEEDED,)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /engines."""
    return api.Engines(app), calls_api.Calls(app)


@hookimpl
def commands(app: App) -> "Sequence[click.Command]":
    """``aasim engines fetch``."""
    return (own_commands.fetch(app),)


@hookimpl
def prepare(app: App, report: "Progress") -> None:
    """Get what the engines need before the first start."""
    service.prepare(app, report)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """What calls of engines take."""
    from .calls import with_dashboard

    return (with_dashboard.CARD,)
