"""Expeditions: a kind of run without an agent that waits in every way there is: for two legs, a time, a signal, an event and a person.

Its tools are for workflows: ``guide:note`` and the quick ones ``guide:mark`` and ``guide:look`` write down the key of the call,
``guide:fail`` fails.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from aasim_core import Permission, Plugin, Request, Resource, Response, hookimpl, operation
from aasim_plugins.executions import service as executions
from aasim_plugins.executions.hookspecs import Finished, Question, Run, Runner, Tool, ToolError, ToolSource, ToolUse
from aasim_plugins.executions.resources import ExecutionResource, accepted

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_plugins.executions.models import Execution

plugin = Plugin("Expeditions", "Runs that wait in every way there is.", requires=("executions",))
LEGS = 2


class Expeditions(ExecutionResource):
    """Starting expeditions."""

    paths = {"": "/expeditions"}

    @operation(
        "start", body="body", reply="reply", status=202, also=(200,), waits=True, message="Execution queued.",
        refusals=("invalid_state", "queue_full"),
    )  # fmt: skip
    def on_post(self, req: Request, resp: Response) -> None:
        """Start an expedition; its input is how many milliseconds it rests."""
        initiator_id = req.principal.user_id
        accepted(
            self, req, resp, executions.start(self.app, "expedition", req.body["input"], label="it", initiator_id=initiator_id)
        )


def run(run: Run) -> Finished:
    """A leg is one step; the others are what the legs, the rest, the fee and the permit make of them."""
    if run.execution.parent_id is not None:
        return Finished(run.step("walk", lambda: note(run, "walk")))
    legs = [run.child(f"leg[{number}]", lambda parent: start_leg(run, parent)) for number in range(LEGS)]
    run.step("pack", lambda: note(run, "pack"))
    run.sleep_until("rest", run.execution.created_at + timedelta(milliseconds=run.execution.input))
    fee = run.wait_for_signal("fee", "paid", correlation=run.execution.id)
    told = run.wait_for_event("receipt", "executions.signalled", run.execution.id)
    run.step("go", lambda: note(run, "go"))
    permit = run.ask(lambda question_id: question(run, question_id))
    return Finished(
        {
            "legs": [leg().data for leg in legs],
            "fee": fee.data,
            "receipt": told.data["name"],
            "is_permitted": permit is None or permit.approved,
        }
    )


def start_leg(run: Run, parent: "Execution") -> "Execution":
    """Start a leg; only one is walked at a time."""
    return executions.start(
        run.app, "expedition", "leg", label="leg", initiator_id=parent.initiator_id or "", parent=parent,
        trigger={"type": "expedition", "id": parent.id}, admission=executions.Admit("expedition/legs", executions.Rule(limit=1)),
    )  # fmt: skip


def question(run: Run, question_id: str) -> Question:
    """May it go on?"""
    return Question(
        id=question_id, kind="result", execution=run.execution, step=run.number, title="May it go on?", summary="", action={"output": 1},
        initiator_id=run.execution.initiator_id or "", is_asked=True,
    )  # fmt: skip


def note(run: Run, what: str) -> str:
    """Do something outside: write it down, in one write."""
    return write_down(f"{run.execution.id} {what}", what)


def write_down(line: str, what: str) -> str:
    """Append a line to the file of what was done."""
    if path := os.environ.get("EXPEDITIONS_FILE"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)
    return what


@hookimpl
def permissions(app: "App") -> Sequence[Permission]:
    """Who may start one."""
    return (Permission("expeditions:start", "Start expeditions", roles=("builder", "operator")),)


@hookimpl
def routes(app: "App") -> Sequence[Resource]:
    """The endpoint."""
    return (Expeditions(app),)


@hookimpl
def runners(app: "App") -> Sequence[Runner]:
    """The kind."""
    return (Runner("expedition", run=run),)


def call(use: ToolUse) -> str:
    """Use a tool."""
    if use.rest == "fail":
        raise ToolError("It fails.")
    return write_down(f"{use.idempotency_key} {use.arguments['what']}", use.arguments["what"])


def find(name: str) -> Tool:
    """Any tool is there."""
    facts = {"idempotent": True, "quick": name in ("mark", "look"), "effect": "read" if name == "look" else "write"}
    return Tool(name, "Do something outside.", {"type": "object"}, lambda rights, user_id: True, **facts)


@hookimpl
def tools(app: "App") -> Sequence[ToolSource]:
    """The tools."""
    return (ToolSource("guide", find, call),)
