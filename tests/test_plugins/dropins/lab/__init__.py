"""A plugin that brings something for the hooks of other plugins, for tests: it writes down what it does, and fails where it is told to."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core import App, Event, Job, JobContext, Listener, Plugin, emit, enqueue, hookimpl
from aasim_core.context import current_organization
from aasim_core.events.log import Subject
from aasim_core.events.records import EventRow
from aasim_plugins.connected_apps.hookspecs import Call, Connection, Connector, Operation
from aasim_plugins.engines.hookspecs import (
    DEFAULTS,
    Capabilities,
    Chat,
    Cost,
    EngineConfig,
    Estimate,
    Message,
    Meter,
    OnToken,
    Parameters,
    Payer,
    Provider,
    Reply,
    ShouldCancel,
    ToolSpec,
    estimated_usage,
    ignore_token,
    never_cancel,
)
from aasim_plugins.executions.hookspecs import Tool, ToolSource, ToolUse
from aasim_plugins.rubrics.hookspecs import Case, Grade, Grader, as_text, parameters_of

plugin = Plugin(
    "Lab", "Brings something for the hooks of other plugins.", requires=("agents", "connected_apps", "engines", "rubrics")
)

_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
#: What makes the plugin fail, as the text of a call, of a message, or of what is graded.
FAULT = "boom"


def note(app: App, what: str) -> None:
    """Write down that the plugin did something for the organization in scope."""
    with (app.settings.data_dir / "lab.log").open("a", encoding="utf-8") as log:
        log.write(f"{current_organization()} {what}\n")


def done(app: App, organization_id: str) -> list[str]:
    """What the plugin did for the organization."""
    path = app.settings.data_dir / "lab.log"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [what for each, _, what in (line.partition(" ") for line in lines) if each == organization_id]


def fail_if_told(text: str) -> None:
    """Fail as a plugin with a fault does."""
    if text == FAULT:
        raise KeyError(text)


class LabChat:
    """Repeats the last message."""

    def __init__(self, app: App) -> None:
        self._app = app

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Mapping[str, Any] | None = None,
        parameters: Parameters = DEFAULTS,
        on_token: OnToken = ignore_token,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Reply:
        """See `Chat.chat`."""
        note(self._app, "engine")
        text = messages[-1].content
        fail_if_told(parameters.extra.get("say", text))
        return Reply(text, (), estimated_usage(messages, text, ()), "stop", "lab")

    def close(self) -> None:
        """There is nothing to release."""


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What the job tells."""
    return (Event("lab.tallied", "The notes were counted", "lab"),)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What a tool has done later."""

    def tally(context: JobContext, payload: Mapping[str, Any]) -> None:
        note(app, "job")
        with app.database.transaction():
            emit("lab.tallied", Subject("lab", None, "lab"))

    return (Job("lab.tally", tally),)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """One after the commit, and one before it."""

    def hear(event: EventRow) -> None:
        note(app, "listener")

    def witness(event: EventRow) -> None:
        note(app, "witness")

    return Listener("agents.created", hear), Listener("agents.created", witness, "before_commit")


@hookimpl
def tools(app: App) -> Sequence[ToolSource]:
    """A tool that reads, and one that writes; neither is idempotent."""
    effects: Mapping[str, Any] = {"note": "read", "write": "write"}

    def find(rest: str) -> Tool | None:
        fail_if_told(rest)
        if rest not in effects:
            return None
        return Tool(f"lab_{rest}", "Writes down a text.", _TEXT, lambda rights, user_id: True, effect=effects[rest])

    def call(use: ToolUse) -> str:
        note(app, "tool")
        fail_if_told(use.arguments["text"])
        while (app.settings.data_dir / "lab-gate").exists() and not use.should_cancel():
            threading.Event().wait(0.02)
        with app.database.transaction():
            enqueue("lab.tally", {})
        return "noted"

    return (ToolSource("lab", find, call),)


@hookimpl
def engine_providers(app: App) -> Sequence[Provider]:
    """Engines that repeat what they are told."""

    def open_chat(config: EngineConfig) -> Chat:
        return LabChat(app)

    return (Provider("lab", "Lab", Capabilities(tools="none", judge=False), open_chat, free=True, addressable=False),)


@hookimpl
def meters(app: App) -> Sequence[Meter]:
    """Counts calls of engines, and refuses none."""

    def reserve(payer: Payer, estimate: Estimate) -> bool:
        note(app, "meter")
        return True

    def settle(reservation: bool, tokens: int, cost: Cost | None) -> None:
        note(app, "settled")

    return (Meter("lab", lambda payer: None, reserve, settle),)


@hookimpl
def graders(app: App) -> Sequence[Grader]:
    """Everything is good."""

    def grade(case: Case) -> Grade:
        note(app, "grader")
        fail_if_told(as_text(case.output))
        return Grade(1.0, "It is good.")

    return (Grader("lab", "Likes everything", parameters_of(), grade),)


@hookimpl
def connectors(app: App) -> Sequence[Connector]:
    """Apps on this machine that repeat what they are told."""

    def call(connection: Connection, asked: Call) -> Any:
        note(app, "connector")
        fail_if_told(asked.arguments["text"])
        return asked.arguments["text"]

    def probe(connection: Connection) -> None:
        note(app, "connector")
        fail_if_told(connection.credentials["key"].reveal())

    def operations(config: Mapping[str, Any]) -> Sequence[Operation]:
        fail_if_told(config.get("text", ""))
        return (Operation("echo", "Repeats a text.", _TEXT, effect="read"),)

    key = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
    return (
        Connector(
            "lab",
            "Lab",
            {"api_key": key},
            parameters_of(text={"type": "string"}),
            lambda config: (),
            call,
            probe,
            operations=operations,
        ),
    )
