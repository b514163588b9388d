"""A tool call from proposal to result: recorded before its effect, approved where required, never repeated unknowingly."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson

from aasim_core.clock import now
from aasim_core.identity.on_behalf_of import principal_now
from aasim_core.ids import is_id
from aasim_core.text.json import keepable
from aasim_core.user_code import json_schema

from ..hookspecs import LOOK_AGAIN_SECONDS, CancelRequested, Question, Reviewer, Run, RunFailed, RunLater, RunPauses, TimedOut
from ..models import DENIED, DONE, RUNNING, UNKNOWN, WAITING, ToolCall
from ..questions.asking import decided, is_wanted, put, reviewer_of
from ..starting.origins import chain_of
from . import tracing
from .call_questions import arguments_of, may_it_be_made, may_it_still_be_made, was_it_done
from .call_records import LONGEST_RESULT, close, write
from .effects import key_of_call
from .sources import Awaited, ToolChanged, ToolError, ToolLater, ToolUse
from .toolbox import BoundTool

#: How long, in seconds, a call of a quick tool may take before the log says that it is not.
_QUICK_SECONDS = 1.0
#: When the call of a tool that changed at the last moment is looked at again.
_CHANGED_SECONDS = 1.0


def carry_out(run: Run, row: ToolCall, bound: BoundTool | None, longest: int = LONGEST_RESULT) -> Any:
    """Return the call's result for the model: a JSON value. Raises `RunPauses` while people or other runs must be waited for."""
    if bound is None:
        return close(run, row, DENIED, {"error": f"There is no tool named {row.name}."})
    return Attempt(run, row, bound, longest).result()


@dataclass(frozen=True)
class Attempt:
    """One try at a call of a tool that the agent has, even if it is not there any more."""

    run: Run
    row: ToolCall
    bound: BoundTool
    longest: int

    def result(self) -> Any:
        """Continue the call from its state."""
        if self.row.status == UNKNOWN:
            return self._told_by_people()
        if self.row.status == RUNNING:
            return self._after_a_crash() if self.row.awaited_id is None else self._awaited()
        return self._as_decided() if self.row.status == WAITING else self._as_proposed()

    def _as_proposed(self) -> Any:
        arguments = arguments_of(self.row, self.bound)
        problem = self._problem(arguments)
        if problem is not None:
            return self._denied(problem)
        question = may_it_be_made(self.run, self.row, self.bound, arguments)
        return self._submit(question) if is_wanted(self.run.app, question) else self._call(arguments)

    def _as_decided(self) -> Any:
        """Make the approved call; if its tool has changed, approval is requested again."""
        action = self._approved()
        problem = action if isinstance(action, str) else self._problem(action["arguments"])
        if isinstance(action, str) or problem is not None:
            return self._denied(problem or "")
        if action.get("tool_digest") != self.bound.digest:
            return self._ask_anew(action)
        return self._call(action["arguments"])

    def _denied(self, problem: str) -> Any:
        """Return to the model why the call is not made; for an unavailable tool this is logged too."""
        if not self.bound.is_there and problem == self.bound.why_not_there(self.row.name):
            data = {"call": self.row.call_id, "tool": self.bound.ref, "plugin": self.bound.found.plugin}
            self.run.log("tool_unavailable", problem, level="warning", data=data)
        return close(self.run, self.row, DENIED, {"error": problem})

    def _problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Why the call must not be made, for the model."""
        if self.row.arguments is None:
            return f"The arguments of {self.row.name} are not a JSON object."
        if not self.bound.is_there:
            return self.bound.why_not_there(self.row.name)
        broken = json_schema.violations(self.bound.tool.parameters, arguments)
        if broken:
            return f"The arguments of {self.row.name} do not fit its schema: {broken[0][0]}: {broken[0][1]}"
        return None if self._is_allowed() else f"The starter of this run may not use {self.row.name}."

    def _is_allowed(self) -> bool:
        """Check the current rights of the run's starter, not those at the start."""
        execution = self.run.execution
        principal = principal_now(execution.initiator_id or "", execution.api_key_id)
        return principal is not None and self.bound.tool.allowed(self.run.app.rights.of(principal), principal.user_id)

    # Putting the call to people.

    def _submit(self, question: Question) -> Any:
        """Let people decide whether the call is made; without a reviewer, it is not."""
        if reviewer_of(self.run.app) is None:
            return self._denied(self._nobody_to_ask())
        raise self._ask(question, WAITING)

    def _nobody_to_ask(self) -> str:
        return f"{self.row.name} needs an approval, and approvals are off here."

    def _ask_anew(self, approved: Mapping[str, Any]) -> Any:
        question = may_it_still_be_made(self.run, self.row, self.bound, approved)
        digests = [approved.get("tool_digest"), self.bound.digest]
        data = {"call": self.row.call_id, "approval_id": self.row.approval_id, "tool_digest": digests}
        self.run.log("tool_changed", f"{self.row.name} is not made: {question.reason}", level="warning", data=data)
        return self._submit(question)

    def _ask_what_happened(self, arguments: Mapping[str, Any]) -> RunPauses:
        self.run.log("tool_unknown", f"Whether {self.row.name} was done is not known.", level="warning")
        return self._ask(was_it_done(self.run, self.row, self.bound, arguments), UNKNOWN)

    def _ask(self, question: Question, status: str) -> RunPauses:
        values = {"status": status, "approval_id": question.id, "ref": self.bound.ref, "arguments": question.action["arguments"]}
        values["path"] = self.row.path or self.run.address.path
        self.run.log("approval_requested", question.title, data={"call": self.row.call_id, "approval_id": question.id})
        return put(self._reviewer(), question, lambda: write(self.row, values))

    def _reviewer(self) -> Reviewer:
        reviewer = reviewer_of(self.run.app)
        if reviewer is None:
            message = f"Only people can tell whether {self.row.name} was done, but the plugin for approvals is disabled."
            raise RunFailed("tool_outcome_unknown", message)
        return reviewer

    def _approved(self) -> Mapping[str, Any] | str:
        """Return the approved action, or the refusal for the model."""
        reviewer = reviewer_of(self.run.app)
        if reviewer is None:
            return self._nobody_to_ask()
        decision = decided(reviewer, self.row.approval_id)
        data = {"call": self.row.call_id, "user_id": decision.user_id}
        if decision.approved:
            if self.row.started_at is None:  # otherwise the event was emitted before the tool asked to be called later
                self.run.log("tool_approved", f"{self.row.name} was approved.", data=data, content=decision.comment or None)
            return self._checked(decision.action)
        self.run.log("tool_denied", f"{self.row.name} was denied.", level="warning", data=data, content=decision.comment)
        return decision.comment if decision.user_id is None else f"A person denied this: {decision.comment}"

    def _checked(self, action: Mapping[str, Any]) -> Mapping[str, Any] | str:
        """Return the approved action, or the message for the model if it belongs to another call."""
        if action.get("tool") != self.row.ref or not isinstance(action.get("arguments"), dict):
            return f"What was approved is not a call of {self.row.name}, so it was not made."
        return action

    def _told_by_people(self) -> Any:
        decision = decided(self._reviewer(), self.row.approval_id)
        if decision.approved:
            return close(self.run, self.row, DONE, {"result": decision.comment or "It was done."})
        if decision.user_id is None:
            return close(self.run, self.row, UNKNOWN, {"error": "Nobody could say whether it was done, so do not do it again."})
        return close(self.run, self.row, DONE, {"error": f"It was not done. {decision.comment}".strip()})

    # Doing it.

    def _call(self, arguments: dict[str, Any]) -> Any:
        before = {"status": self.row.status}
        if self.row.started_at is None:
            data = {"call": self.row.call_id, "tool": self.bound.ref}
            self.run.log("tool_called", f"{self.row.name} is called.", data=data)
        if self.bound.tool.needs_record_before or self.row.version:
            self.run.effect(lambda: write(self.row, self._started(arguments)))
        else:
            self.row.__data__ = {**self.row.__data__, **self._started(arguments)}
        try:
            return self._do(arguments)
        except ToolLater as later:
            self.run.effect(lambda: write(self.row, before))
            raise later.ends_turn() from later
        except ToolChanged as changed:
            self.run.effect(lambda: write(self.row, before))
            raise RunLater(_CHANGED_SECONDS, f"{self.row.name} has changed, so its call is decided again.") from changed

    def _started(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Write before the call; for arguments edited by people, the model's are stored too."""
        started = {
            "status": RUNNING,
            "ref": self.bound.ref,
            "arguments": arguments,
            "started_at": now(),
            "digest": self.bound.digest,
            "effect": self.bound.tool.effect,
            "path": self.row.path or self.run.address.path,  # a node's is known before
        }
        is_edited = self.row.status == WAITING and arguments != self.row.arguments
        return {**started, "proposed_arguments": self.row.proposed_arguments or self.row.arguments} if is_edited else started

    def _do(self, arguments: Mapping[str, Any]) -> Any:
        try:
            with self._timed():
                value = tracing.called(self.run.app, self.bound, self.row, self._use(arguments))
        except ToolError as error:
            if error.unknown and not self.bound.tool.is_repeatable:
                raise self._ask_what_happened(arguments) from error
            self._leave_if_halted()
            return self._returned(error.told())
        if isinstance(value, Awaited):
            raise self._until(value.id)
        return self._returned({"result": value})

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Log a quick tool that takes long, since whatever else the run does waits for it."""
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            if self.bound.tool.quick and seconds > _QUICK_SECONDS:
                data = {
                    "call": self.row.call_id,
                    "tool": self.bound.ref,
                    "plugin": self.bound.found.plugin,
                    "seconds": round(seconds, 1),
                }
                self.run.log("tool_slow", f"{self.row.name} is declared quick, and took long.", level="warning", data=data)

    def _leave_if_halted(self) -> None:
        """Let the run go back to the queue with the call under way, if that was asked to end and may be made again."""
        if self.bound.tool.is_repeatable:
            with suppress(CancelRequested, TimedOut):  # they are met again before the next step
                self.run.check()

    def _use(self, arguments: Mapping[str, Any]) -> ToolUse:
        execution = self.run.execution
        return ToolUse(
            rest=self.bound.rest,
            arguments=arguments,
            idempotency_key=self.bound.key or key_of_call(execution, self.row, self.bound.ref, arguments),
            execution_id=execution.id,
            step=self.run.number,
            initiator_id=execution.initiator_id or "",
            seconds_left=self.run.seconds_left(),
            should_cancel=self.run.cancelled,
            contract=self.bound.tool.contract,
            api_key_id=execution.api_key_id,
            chain=chain_of(execution),
        )

    def _after_a_crash(self) -> Any:
        """The worker died during the call: repeat it if that is safe, or ask what happened.

        For a tool that only reads nobody is asked.
        """
        problem = self._problem(self.row.arguments)
        if problem is None and self.bound.tool.is_repeatable and self._is_same():
            with suppress(ToolChanged):
                return self._do(self.row.arguments)
        if self.bound.tool.effect != "read":
            raise self._ask_what_happened(self.row.arguments)
        return self._denied(problem or f"The tool {self.row.name} has changed since it was called, so it was not called again.")

    def _is_same(self) -> bool:
        """Return whether the tool is unchanged since the call began.

        For a call from before an upgrade this is unknown, and assumed if no approval was required.
        """
        is_unknown = self.row.digest is None and self.row.approval_id is None
        return is_unknown or self.row.digest == self.bound.digest

    def _until(self, awaited_id: str) -> RunPauses:
        row = self.row
        enter, is_over = (lambda: write(row, {"awaited_id": awaited_id})), (lambda: self._result(awaited_id) is not None)
        return RunPauses("execution" if is_id(awaited_id, "exec") else "event", enter, is_over, awaited_id=awaited_id)

    def _awaited(self) -> Any:
        if self.bound.is_off:
            raise RunLater(LOOK_AGAIN_SECONDS, self.bound.why_not_there(self.row.name), missing=self.bound.missing)
        value = self._result(self.row.awaited_id)
        if value is None:
            raise self._until(self.row.awaited_id)
        return self._returned(value)

    def _result(self, awaited_id: str) -> Any:
        try:
            return self.bound.source.result(awaited_id)
        except ToolError as error:
            return error.told()

    def _returned(self, answered: Mapping[str, Any]) -> Any:
        result = {key: keepable(value) for key, value in answered.items()}
        data = {"call": self.row.call_id, "ok": "error" not in result}
        level, content = "info" if data["ok"] else "warning", orjson.dumps(result).decode()[:2000]
        self.run.log("tool_returned", f"{self.row.name} has answered.", level=level, data=data, content=content)
        return close(self.run, self.row, DONE, result, self.longest)
