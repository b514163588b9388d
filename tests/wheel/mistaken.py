"""Mistakes that authors of plugins make: a type checker tells of each line that ends in `mistake`, and of no other."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aasim_core import (
    App,
    Collection,
    Event,
    Job,
    JobContext,
    Listener,
    Permission,
    Request,
    Resource,
    Response,
    hookimpl,
    hookspecs,
    operation,
)
from aasim_core.events.records import EventRow
from aasim_plugins.executions.hookspecs import Tool, ToolSource, ToolUse
from aasim_plugins.rubrics import hookspecs as rubrics
from aasim_plugins.rubrics.hookspecs import Case, Grade, Grader, parameters_of


class Shelves(Collection):
    """Its events are a list, and its responder asks for a permission that is no text."""

    events = ("shelves",)  # mistake
    paths: ClassVar[Mapping[str, str]] = {"": "/shelves", "full": "/shelves/full"}

    @operation("read", mesage="Shelves listed.")  # mistake
    def on_get_full(self, req: Request, resp: Response) -> None:
        """A keyword that there is not."""

    @operation(403)  # mistake
    def on_post_full(self, req: Request, resp: Response) -> None:
        """A permission that is a number."""


def permissions() -> Sequence[Permission]:
    """Roles that are no list, a role that there is not, and no summary."""
    return (
        Permission("shelves:read", "See shelves", roles="viewer"),  # mistake
        Permission("shelves:write", "Write shelves", roles=("writer",)),  # mistake
        Permission("shelves:burn"),  # mistake
    )


@hookimpl(spec=hookspecs.events)  # mistake
def events(app: App) -> Sequence[str]:
    """Names instead of declarations."""
    return ("shelves.burned",)


@hookimpl(spec=hookspecs.routes)  # mistake
def routes(app: App, prefix: str) -> Sequence[Resource]:
    """A parameter that the hook does not have."""
    return ()


@hookimpl(spec=rubrics.graders)  # mistake
def graders(app: App) -> Sequence[Tool]:
    """Tools instead of graders, for a hook that another plugin offers."""
    return ()


def hear(event: EventRow) -> None:
    """Hear an event."""


def dust(context: JobContext) -> None:
    """Dust the shelves; the payload is missing."""


def call(use: ToolUse) -> str:
    """Return the name of a field that there is not."""
    return str(use.argument)  # mistake


def grade(case: Case) -> str:
    """Return a text, which is no grade."""
    return str(Grade(1.0, "It is good."))


DECLARED: Sequence[Any] = (
    Event("shelves.burned", "A shelf was burned", data={"why": "a text"}),  # mistake
    Listener("shelves.burned", hear, "afterwards"),  # mistake
    Job("shelves.dust", dust),  # mistake
    ToolSource("shelves", lambda rest: rest, call),  # mistake
    Grader("shelves", "Likes shelves", parameters_of(), grade),  # mistake
)
