"""The endpoints of executions."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent

from . import schemas, service, states, steering
from .lists import finding
from .log import stream
from .log.schemas import LogOut, LogQuery
from .models import Execution, ToolCall
from .resources import DERIVED, accepted, ways_of
from .settings import ExecutionSettings


class Executions(Collection):
    """Runs: their state, result, usage and log."""

    record = Execution
    events = "executions"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/executions",
        "one": "/executions/{execution_id}",
        "cancel": "/executions/{execution_id}/cancel",
        "pause": "/executions/{execution_id}/pause",
        "resume": "/executions/{execution_id}/resume",
        "signals": "/executions/{execution_id}/signals",
        "retry": "/executions/{execution_id}/retry",
        "logs": "/executions/{execution_id}/logs",
    }
    reply = schemas.ExecutionOut()
    cancel_body, retry_body = schemas.CancelIn(), schemas.RetryIn()
    signal_body, signal_reply = schemas.SignalIn(), schemas.SignalOut()
    log_query, log_reply = LogQuery(), LogOut()
    node_field = "project_id"
    derived = DERIVED
    query = finding.QUERY

    @property
    def _settings(self) -> ExecutionSettings:
        return self.app.settings.section("executions", ExecutionSettings)

    @property
    def refusals_of_retry(self) -> Sequence[str]:
        """The error codes of repeating a run, whatever its kind."""
        of_runners = (code for runner in self.app.offers("runners").values() for code in runner.refusals)
        return tuple(dict.fromkeys(("invalid_state", "queue_full", *of_runners)))

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """The starter of a run may follow and cancel it."""
        return service.allows(req.rights, permission, target, req.principal.user_id)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return ways_of(req)

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="Executions listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List executions."""
        resp.media = self.page(req, *finding.implied(req.query))

    @operation(
        "cancel", body="cancel_body", reply="reply", also=(202,), while_archived=True, message="Execution cancelled.",
        refusals=("invalid_state",),
    )  # fmt: skip
    def on_post_cancel(self, req: Request, resp: Response, execution_id: str) -> None:
        """Cancel an execution.

        The status is 200 if it has ended or was cancelled before, 202 if its running step ends first.
        """
        was_cancelling = req.target.status == states.CANCELLING
        execution = service.cancel(req.target, req.body["reason"], self._settings.cancel_grace_seconds)
        if execution.status == states.CANCELLING and not was_cancelling:
            resp.status = 202
            resp.location = self.location(execution)
            resp.set_header("Retry-After", "1")
        resp.media = execution

    @operation("pause", reply="reply", also=(202,), while_archived=True, message="Execution paused.", refusals=("invalid_state",))
    def on_post_pause(self, req: Request, resp: Response, execution_id: str) -> None:
        """Pause an execution.

        The status is 200 if it is paused, 202 if its running step ends first. Its deadlines still apply.
        """
        execution = steering.pause(req.target)
        if execution.status == states.RUNNING:
            resp.status = 202
            resp.location = self.location(execution)
            resp.set_header("Retry-After", "1")
        resp.media = execution

    @operation("pause", reply="reply", while_archived=True, message="Execution resumed.", refusals=("invalid_state",))
    def on_post_resume(self, req: Request, resp: Response, execution_id: str) -> None:
        """Resume a paused execution.

        Other executions are returned unchanged.
        """
        resp.media = steering.unpause(req.target)

    @operation(
        "signal", body="signal_body", reply="signal_reply", status=202, message="Signal sent.",
        refusals=("invalid_state", "too_many_signals"),
    )  # fmt: skip
    def on_post_signals(self, req: Request, resp: Response, execution_id: str) -> None:
        """Send a signal to an execution.

        A signal that it does not wait for yet is stored until it does.
        """
        is_new = steering.signal(req.target, **req.body)
        resp.location = self.location(req.target)
        resp.media = {**{name: req.body[name] for name in ("name", "correlation", "key")}, "duplicate": not is_new}

    @operation(
        "read",
        body="retry_body",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="Execution queued.",
        refusals="refusals_of_retry",
    )
    def on_post_retry(self, req: Request, resp: Response, execution_id: str) -> None:
        """Repeat an execution with the same input.

        It runs the same version or the active one, and needs the permission to run that too.
        """
        same = req.body["version"] == "same"
        accepted(self, req, resp, service.restart(self.app, req.target, req.principal, same_version=same))

    @operation("read", query="log_query", reply="log_reply", stream=True, message="Log read.")
    def on_get_logs(self, req: Request, resp: Response, execution_id: str) -> None:
        """Read an execution's log.

        With ``Accept: text/event-stream``, the response is a live stream.
        """
        if "text/event-stream" in req.accept and req.method == "GET":
            stream.follow(self.app, req, resp)
            return
        resp.media = stream.stretch(req.target, req.query["after"], req.query["limit"])


class ToolCalls(Collection):
    """The tool calls of an execution."""

    record = ToolCall
    events = "executions"
    noun = "tool calls"
    parent = Parent(Executions, "execution_id")
    paths: ClassVar[Mapping[str, str]] = {"": "/executions/{execution_id}/tool-calls"}
    reply = schemas.ToolCallOut()
    query = ListQuery(
        schemas.ToolCallOut(), filters=("status", "ref", "name", "created_at"), sorts=("created_at",), default="created_at"
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the tool calls of an execution: completed, not made, and with an unknown result."}
    }
