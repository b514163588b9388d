"""Engines: the models that agents run on, and the one interface to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Event, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.http import halting

from . import api, service
from . import commands as own_commands
from .models import Engine, EngineUse
from .settings import EngineSettings

if TYPE_CHECKING:
    import click

    from .chat import Progress

plugin = Plugin("Engines", "The models that agents run on: built in, or anywhere behind a key.")


@hookimpl
def config_schema() -> type[EngineSettings]:
    """The section [engines]."""
    return EngineSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The engine, and what is going on at it."""
    return Engine, EngineUse


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about engines."""
    return (
        Permission("engines:read", "See engines", roles=("builder", "operator", "approver", "viewer", "auditor", "billing")),
        Permission("engines:halt", "Stop all use of an engine, and let it go on", roles=("operator",)),
        Permission("engines:manage", "Create, change, test and delete engines, and write their keys", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to engines."""
    return (
        Event("engines.created", "An engine was created", "engine"),
        Event("engines.updated", "An engine was changed", "engine"),
        Event("engines.deleted", "An engine was deleted", "engine"),
        *halting.events_of("engines", "engine", "An engine"),
        Event("engines.degraded", "An engine did not answer, and has a rest", "engine", {"code": "Why it did not answer."}),
        Event("engines.recovered", "A degraded engine answers again", "engine", {"code": "Why it had not answered."}),
        Event("engines.tested", "An engine was tested", "engine", {"ok": "Whether it answered"}),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /engines."""
    return (api.Engines(app),)


@hookimpl
def commands(app: App) -> "Sequence[click.Command]":
    """``aasim engines fetch``."""
    return (own_commands.fetch(app),)


@hookimpl
def prepare(app: App, report: "Progress") -> None:
    """Get what the engines need before the first start."""
    service.prepare(app, report)
