"""Greetings that people leave for each other: a plugin that misses no rule of any grade."""

from collections.abc import Sequence

import click

from aasim_core import App, ErrorCode, Event, Job, Listener, Permission, Plugin, Record, Resource, hookimpl
from aasim_core.schemas.fields import Text

from . import api
from .counting import count
from .hookspecs import Greeter
from .models import Greeting
from .reactions import answer, is_greeting
from .service import GREETINGS_FULL, tidy
from .settings import GreetingsSettings

plugin = Plugin("Greetings", "Greetings that people leave for each other.")


@hookimpl
def config_schema() -> type[GreetingsSettings]:
    """The section of the settings."""
    return GreetingsSettings


@hookimpl
def models(app: App) -> Sequence[type[Record]]:
    """The greeting."""
    return (Greeting,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about greetings."""
    return (
        Permission("greetings:read", "See greetings", roles=("viewer",)),
        Permission("greetings:create", "Write greetings", roles=("builder",)),
        Permission("greetings:update", "Change greetings", roles=("builder",)),
        Permission("greetings:delete", "Delete greetings", dangerous=True),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to greetings."""
    tone = {"tone": Text(required=True, description="In which tone it is.")}
    return (
        Event("greetings.created", "A greeting was written", "greetings_greeting"),
        Event("greetings.updated", "A greeting was changed", "greetings_greeting"),
        Event("greetings.deleted", "A greeting was deleted", "greetings_greeting"),
        Event("greetings.answered", "A greeting was answered", "greetings_greeting", tone),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What greetings are refused with."""
    return (GREETINGS_FULL,)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """What follows what happens."""
    return (Listener("*", answer, wanted=is_greeting),)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What is done in the background."""
    return (Job("greetings.tidy", tidy, time_limit=60, schedule="0 3 * * *"),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /greetings."""
    return (api.Greetings(app),)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """The command that counts greetings."""
    return (count,)


@hookimpl
def greeters(app: App) -> Sequence[Greeter]:
    """The greeter that is always there."""
    return (Greeter("greetings_polite", "Greets politely", {"type": "object"}, str.title),)
