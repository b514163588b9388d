"""The endpoints of executions, and those that they add to agents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from aasim_core import App, Collection, Request, Resource, Response, operation
from aasim_core.clock import from_text
from aasim_core.data import records
from aasim_core.data.statements import Bind, Condition
from aasim_core.errors import not_found
from aasim_core.http.paging import read_page
from aasim_core.http.prefer import wait_seconds, wait_until
from aasim_core.http.query import ListQuery
from aasim_core.http.render import Derived, ObjectOf, Plan

from ..agents import service as agents
from ..agents.models import Agent
from . import schemas, service, states, stream
from .models import Execution, ToolCall
from .settings import ExecutionSettings

_QUERY = ListQuery(
    schemas.ExecutionOut(),
    filters=(
        "kind",
        "agent_id",
        "agent_version",
        "workflow_id",
        "status",
        "waiting_for",
        "parent_id",
        "root_id",
        "retry_of",
        "created_at",
        "started_at",
        "finished_at",
    ),
    sorts=("created_at",),
)


_CALL_QUERY = ListQuery(
    schemas.ToolCallOut(), filters=("status", "ref", "name", "created_at"), sorts=("created_at",), default="created_at"
)


def _milliseconds(start: str | datetime | None, end: str | datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return round((_moment(end) - _moment(start)).total_seconds() * 1000)


def _moment(value: str | datetime) -> datetime:
    return from_text(value) if isinstance(value, str) else value


_DERIVED: Mapping[str, Derived] = {
    "usage": ObjectOf({name: name for name in ("input_tokens", "output_tokens", "cost")}),
    "queued_ms": Derived(("created_at", "started_at"), lambda row: _milliseconds(row["created_at"], row["started_at"])),
    "duration_ms": Derived(("started_at", "finished_at"), lambda row: _milliseconds(row["started_at"], row["finished_at"])),
}


class Executions(Collection):
    """Runs: their state, result, usage and log."""

    record = Execution
    events = "executions"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/executions",
        "one": "/executions/{execution_id}",
        "cancel": "/executions/{execution_id}/cancel",
        "retry": "/executions/{execution_id}/retry",
        "logs": "/executions/{execution_id}/logs",
        "tool_calls": "/executions/{execution_id}/tool-calls",
    }
    body = schemas.ExecuteIn()
    reply = schemas.ExecutionOut()
    cancel_body, retry_body = schemas.CancelIn(), schemas.RetryIn()
    log_query, log_reply = schemas.LogQuery(), schemas.LogOut()
    call_query, call_reply = _CALL_QUERY, schemas.ToolCallOut()
    node_field = "project_id"
    derived = _DERIVED
    query = _QUERY

    # An execution begins with what it runs, and is never edited or deleted.
    on_post = on_put_one = on_patch_one = on_delete_one = None  # type: ignore[assignment]

    @property
    def _settings(self) -> ExecutionSettings:
        return self.app.settings.section("executions", ExecutionSettings)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Whoever started a run may follow and cancel it."""
        return service.allows(req.rights, permission, target, req.principal.user_id)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return _reach(req)

    @operation(
        "cancel", body="cancel_body", reply="reply", also=(202,), while_archived=True, message="Execution cancelled.",
        refusals=("invalid_state",),
    )  # fmt: skip
    def on_post_cancel(self, req: Request, resp: Response, execution_id: str) -> None:
        """End an execution: 200 when it has ended or was cancelled before, 202 when its running step now comes to an end."""
        was_cancelling = req.target.status == states.CANCELLING
        execution = service.cancel(req.target, req.body["reason"], self._settings.cancel_grace_seconds)
        if execution.status == states.CANCELLING and not was_cancelling:
            resp.status = 202
            resp.location = self.location(execution)
            resp.set_header("Retry-After", "1")
        resp.media = execution

    @operation(
        "agents:execute",
        body="retry_body",
        reply="reply",
        status=202,
        also=(200,),
        message="Execution queued.",
        refusals=("invalid_state", "budget_exceeded"),
    )
    def on_post_retry(self, req: Request, resp: Response, execution_id: str) -> None:
        """Run the same input again, with the same version of the agent or the active one; who may not read the run cannot."""
        if not self.allows(req, "executions:read", req.target):
            raise not_found()
        agent = agents.find_allowed("agents:execute", req.target.agent_id or "", req.rights, req.principal.user_id)
        self.app.rights.refuse_archived(req.principal, agent.project_id)
        same = req.body["version"] == "same"
        key_id = req.principal.api_key_id
        queued = service.retry(self.app, req.target, agent, req.principal.user_id, same_version=same, api_key_id=key_id)
        accepted(self, req, resp, queued)

    @operation("read", query="log_query", reply="log_reply", stream=True, message="Log read.")
    def on_get_logs(self, req: Request, resp: Response, execution_id: str) -> None:
        """Read an execution's log; with ``Accept: text/event-stream``, follow it."""
        if "text/event-stream" in req.accept and req.method == "GET":
            stream.follow(self.app, req, resp)
            return
        resp.media = stream.stretch(req.target, req.query["after"], req.query["limit"])

    @operation("read", query="call_query", reply="call_reply", many=True, message="Tool calls listed.")
    def on_get_tool_calls(self, req: Request, resp: Response, execution_id: str) -> None:
        """List the tool calls of an execution: what was done, what was not, and what is not known."""
        of_run = Condition(lambda: ToolCall.execution_id == Bind("run"), {"run": req.target.id}, "of run")
        question = _CALL_QUERY.question(req.path, req.query)
        resp.media = read_page(ToolCall, Plan(self.call_reply).page_columns, question, [of_run], self.app.keyring)


def _reach(req: Request) -> list[Condition]:
    """What restricts a list to the caller's own runs, and those that their rights reach."""
    within = req.rights.reach_condition("executions:read", Execution, "project_id")
    if not within or req.rights.confined:
        return within
    [reach] = within

    def mine_or_within() -> Any:
        return (Execution.initiator_id == Bind("me")) | reach.expression()

    return [Condition(mine_or_within, {**reach.values, "me": req.principal.user_id}, ("mine or", reach.shape))]


class AgentExecutions(Resource):
    """Running an agent, and the runs it had."""

    paths: ClassVar[Mapping[str, str]] = {"execute": "/agents/{agent_id}/execute", "executions": "/agents/{agent_id}/executions"}
    body, reply, query = schemas.ExecuteIn(), schemas.ExecutionOut(), _QUERY
    derived = _DERIVED

    def __init__(self, app: App) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> Agent:
        """The agent, if the caller may know of it."""
        return agents.find_visible(ids["agent_id"], req.principal.user_id)

    def node_of(self, target: Agent) -> str | None:
        """The agent's project."""
        project_id: str | None = target.project_id
        return project_id

    def allows(self, req: Request, permission: str, target: Agent) -> bool:
        """As the agent's own endpoints decide."""
        return agents.allows(req.rights, permission, target, req.principal.user_id)

    @operation(
        "agents:execute",
        body="body",
        reply="reply",
        status=202,
        also=(200,),
        message="Execution queued.",
        refusals=("invalid_state", "queue_full", "budget_exceeded"),
    )
    def on_post_execute(self, req: Request, resp: Response, agent_id: str) -> None:
        """Run an agent. The answer comes at once, or with ``Prefer: wait=N`` when the run has ended within N seconds."""
        execution = service.start_agent(
            self.app,
            req.target,
            req.body["input"],
            req.principal.user_id,
            number=req.body.get("version"),
            parameters=req.body["parameters"],
            metadata=req.body["metadata"],
            api_key_id=req.principal.api_key_id,
        )
        accepted(self, req, resp, execution)

    @operation("read", query="query", reply="reply", many=True, message="Executions listed.")
    def on_get_executions(self, req: Request, resp: Response, agent_id: str) -> None:
        """List those executions of an agent that the caller may see."""
        of_agent = Condition(lambda: Execution.agent_id == Bind("agent"), {"agent": req.target.id}, "of agent")
        question = _QUERY.question(req.path, req.query)
        resp.media = read_page(Execution, self.plan.page_columns, question, [of_agent, *_reach(req)], self.app.keyring)


def accepted(resource: Any, req: Request, resp: Response, execution: Execution) -> None:
    """Answer 202 with where to look, or 200 with the result if the client waits and the run ends in time."""
    resp.location = f"/api/v1/executions/{execution.id}"
    resp.set_header("Retry-After", "1")
    resp.media = execution
    seconds = wait_seconds(req)
    if seconds:
        wait_until(resource, resp, lambda: _ended(execution.id), seconds)


def _ended(execution_id: str) -> Any:
    row = records.read_row(Execution, execution_id)
    return row if row is not None and row["status"] in states.TERMINAL else None
