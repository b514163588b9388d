"""A plugin that brings one part for each hook, for tests: each fails where ``clumsy.json`` of the data folder says how."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import peewee

from aasim_core import App, Listener, Permission, Plugin, Request, Resource, Response, SpanReceiver, hookimpl, operation
from aasim_core.data.records import database_of
from aasim_core.events.records import EventRow
from aasim_plugins.dashboard.hookspecs import Card, Figure
from aasim_plugins.engines.hookspecs import Meter
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, Run, Runner, Tool, ToolSource
from aasim_plugins.rubrics.hookspecs import Grade, Grader, parameters_of
from aasim_plugins.workflows.hookspecs import Imported, NodeType, Result, WorkflowImporter

plugin = Plugin(
    "Clumsy",
    "Brings one part for each hook, which fails where it is told to.",
    requires=("agents", "dashboard", "engines", "executions", "rubrics", "workflows"),
)

_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def fail_with_key() -> Any:
    """Look for what is not there."""
    return {}["missing"]


def fail_with_sql() -> Any:
    """Send a statement with a mistake."""
    return database_of(EventRow).execute_sql("SELECT 1 = = 1")


def fail_with_clash() -> Any:
    """Violate a constraint."""
    raise peewee.IntegrityError("UNIQUE constraint failed: clumsy_note.name")


def fail_with_busy() -> Any:
    """Find no free connection, which is nobody's fault."""
    raise peewee.OperationalError("no connection is free")


def exit_with_three() -> Any:
    """End the program, as a library with a command line may."""
    sys.exit(3)


def interrupt() -> Any:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


#: What a part may do instead of its work: fail, or return what is none of its answers.
MISTAKES: Mapping[str, Callable[[], Any]] = {
    "key": fail_with_key,
    "sql": fail_with_sql,
    "clash": fail_with_clash,
    "busy": fail_with_busy,
    "exit": exit_with_three,
    "interrupt": interrupt,
    "five": lambda: 5,
    "set": lambda: {1},
    "numbers": lambda: {"n": 1},
    "slow": partial(time.sleep, 1.1),
}


def act(app: App, part: str, answer: Any = None) -> Any:
    """Note that the part was called; return its answer, or make the mistake that it is told to make."""
    with (app.settings.data_dir / "clumsy.log").open("a", encoding="utf-8") as log:
        log.write(f"{part}\n")
    path = app.settings.data_dir / "clumsy.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return MISTAKES[told[part]]() if part in told else answer


class Clumsy(Resource):
    """One route, and the start of runs."""

    paths: ClassVar[Mapping[str, str]] = {"": "/clumsy", "run": "/clumsy/run"}

    def __init__(self, app: App) -> None:
        self.app = app

    @operation("read", message="Read.")
    def on_get(self, req: Request, resp: Response) -> None:
        """Do what the part `responder` is told."""
        resp.media = act(self.app, "responder", {})

    @operation("execute", message="Started.")
    def on_post_run(self, req: Request, resp: Response) -> None:
        """Start a run of the kind ``clumsy``."""
        execution = executions.start(self.app, "clumsy", {}, label="clumsy", initiator_id=req.principal.user_id)
        resp.media = {"id": execution.id}


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """Of the route."""
    return (Permission("clumsy:read", "Read"), Permission("clumsy:execute", "Run"))


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The route."""
    return (Clumsy(app),)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """One for each moment."""

    def at_emission(event: EventRow) -> None:
        act(app, "when_emitted")

    def at_commit(event: EventRow) -> None:
        act(app, "before_commit")

    def later(event: EventRow) -> None:
        act(app, "after_commit")

    return (
        Listener("projects.created", at_emission, "when_emitted"),
        Listener("projects.created", at_commit, "before_commit"),
        Listener(
            "projects.created",
            later,
            wanted=lambda event: act(app, "wanted", True),
            at_once=lambda event: act(app, "at_once", False),
        ),
    )


@hookimpl
def authenticate(app: App, req: Request) -> Any:
    """Knows nobody."""
    return act(app, "authenticate")


@hookimpl
def feature_allowed(app: App, organization_id: str, plugin: str) -> Any:
    """Allows everything."""
    return act(app, "feature_allowed")


@hookimpl
def span_receivers(app: App) -> Sequence[SpanReceiver]:
    """Drops what it gets."""
    return (SpanReceiver("clumsy", lambda span: act(app, "span")),)


@hookimpl
def tools(app: App) -> Sequence[ToolSource]:
    """A tool that reads, and nothing else."""
    tool = Tool("clumsy", "Does what the test says.", _NOTHING, lambda rights, user_id: True, effect="read")
    return (ToolSource("clumsy", lambda rest: tool, lambda use: act(app, "tool", "done")),)


@hookimpl
def node_types(app: App) -> Sequence[NodeType]:
    """One that computes, and one that calls."""
    compute = NodeType("clumsy_compute", "Computes.", _NOTHING, compute=lambda config, data: act(app, "compute", Result("done")))
    call = NodeType("clumsy_call", "Calls.", _NOTHING, call=lambda use: act(app, "call", "done"), effect=lambda config: "read")
    return (compute, call)


@hookimpl
def workflow_importers(app: App) -> Sequence[WorkflowImporter]:
    """Reads an empty workflow from anything."""
    made = Imported("Empty", {"language": 1, "nodes": [], "edges": []}, ())
    return (WorkflowImporter("clumsy", "Anything.", lambda document, mapping: act(app, "importer", made)),)


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    """Runs that do nothing."""

    def run(run: Run) -> Finished:
        finished: Finished = act(app, "runner", Finished("done"))
        return finished

    return (Runner("clumsy", run),)


@hookimpl
def dashboard_cards(app: App) -> Sequence[Card]:
    """A card with one number."""
    return (Card("clumsy", "Clumsy", lambda viewer: act(app, "card", {"n": Figure(1)})),)


@hookimpl
def graders(app: App) -> Sequence[Grader]:
    """Likes everything."""
    return (Grader("clumsy", "Clumsy", parameters_of(), lambda case: act(app, "grader", Grade(1.0, "It is good."))),)


@hookimpl
def meters(app: App) -> Sequence[Meter]:
    """Refuses nothing."""
    return (
        Meter(
            "clumsy",
            lambda payer: act(app, "meter_check"),
            lambda payer, estimate: act(app, "meter_reserve", True),
            lambda reservation, tokens, cost: act(app, "meter_settle"),
        ),
    )
