"""One tool call, from proposed to done: recorded before its effect, put to people where that is due, never done twice unawares."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from aasim_core import expressions, json_schema
from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.json import keepable
from aasim_core.identity.standing import principal_now
from aasim_core.ids import new_id

from ..agents.hookspecs import Awaited, ToolError, ToolLater, ToolUse
from .hookspecs import Question, Reviewer, RunFailed, RunLater, RunPauses
from .models import DENIED, DONE, PROPOSED, RUNNING, UNKNOWN, WAITING, ToolCall
from .questions import decided, is_wanted, put, reviewer_of
from .run import CancelRequested, Run, TimedOut
from .tools import BoundTool

#: What a tool may answer; more of it is cut off.
_LONGEST_RESULT = 16_384
#: The effects that people are asked about unless the agent says otherwise.
_GRAVE = frozenset({"delete", "pay", "send", "grant"})
_RISKS = {"read": "low", "write": "medium"}
#: The prefix of a question's id.
_QUESTION = "approval"


def carry_out(run: Run, row: ToolCall, bound: BoundTool | None) -> Any:
    """What the model is told about a call: a JSON value. Raises `RunPauses` while people or other runs have to be waited for."""
    if bound is None:
        return _close(run, row, DENIED, {"error": f"There is no tool named {row.name}."})
    return Attempt(run, row, bound).result()


@dataclass(frozen=True)
class Attempt:
    """One try at a call of a tool that the agent has, even if it is not there any more."""

    run: Run
    row: ToolCall
    bound: BoundTool

    def result(self) -> Any:
        """Go on from where the call stands."""
        if self.row.status == UNKNOWN:
            return self._told_by_people()
        if self.row.status == RUNNING:
            return self._after_a_crash() if self.row.awaited_id is None else self._awaited()
        edits = self._approved() if self.row.status == WAITING else None
        if isinstance(edits, str):
            return _close(self.run, self.row, DENIED, {"error": edits})
        arguments = edits if edits is not None else {**(self.row.arguments or {}), **self.bound.fixed}
        problem = self._problem(arguments)
        if problem is not None:
            return _close(self.run, self.row, DENIED, {"error": problem})
        if self.row.status == PROPOSED:
            question = self._question("tool_call", arguments)
            if is_wanted(self.run.app, question):
                return self._submit(question)
        return self._call(arguments)

    def _problem(self, arguments: Mapping[str, Any]) -> str | None:
        """Why the call must not be made, for the model."""
        if self.row.arguments is None:
            return f"The arguments of {self.row.name} are not a JSON object."
        if not self.bound.is_there:
            return f"The tool {self.row.name} is not there any more."
        broken = json_schema.violations(self.bound.tool.parameters, arguments)
        if broken:
            return f"The arguments of {self.row.name} do not fit its schema: {broken[0][0]}: {broken[0][1]}"
        return None if self._is_allowed() else f"Whoever started this run may not use {self.row.name}."

    def _is_allowed(self) -> bool:
        """As whoever started the run may do now, not as they could when they started it."""
        execution = self.run.execution
        principal = principal_now(execution.initiator_id or "", execution.api_key_id)
        return principal is not None and self.bound.tool.allowed(self.run.app.rights.of(principal), principal.user_id)

    # Putting the call to people.

    def _submit(self, question: Question) -> Any:
        """Let people decide whether the call is made; where nobody puts it to them, it is not."""
        if reviewer_of(self.run.app) is None:
            return _close(self.run, self.row, DENIED, {"error": self._nobody_to_ask()})
        raise self._ask(question, WAITING)

    def _nobody_to_ask(self) -> str:
        return f"{self.row.name} needs an approval, and approvals are off here."

    def _wants_approval(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the agent asks for an approval of this call; an expression that cannot be evaluated does."""
        approval, effect = self.bound.approval, self.bound.tool.effect
        if approval in ("never", "always"):
            return approval == "always"
        if approval == "auto":
            return effect in _GRAVE
        context = {"arguments": dict(arguments), "effect": effect, "tool": self.bound.ref}
        try:
            return expressions.evaluate(approval, context) is not False
        except ValueError:
            return True

    def _question(self, kind: Any, arguments: Mapping[str, Any]) -> Question:
        effect = self.bound.tool.effect
        summary = self.bound.tool.description[:500]
        title = f"May the agent use {self.row.name}?" if kind == "tool_call" else f"Has {self.row.name} been done?"
        return Question(
            id=new_id(_QUESTION),
            kind=kind,
            execution=self.run.execution,
            step=self.run.number,
            title=title,
            summary=summary,
            action={"tool": self.bound.ref, "arguments": dict(arguments)},
            requested_by=self.run.execution.initiator_id or "",
            is_asked=kind != "tool_call" or self._wants_approval(arguments),
            risk=_RISKS.get(effect, "high"),  # type: ignore[arg-type]
            effect=effect,
            schema={**self.bound.tool.parameters, "type": "object"},
        )

    def _ask_what_happened(self, arguments: Mapping[str, Any]) -> RunPauses:
        self.run.log("tool_unknown", f"Whether {self.row.name} was done is not known.", level="warning")
        return self._ask(self._question("unknown_outcome", arguments), UNKNOWN)

    def _ask(self, question: Question, status: str) -> RunPauses:
        values = {"status": status, "approval_id": question.id, "ref": self.bound.ref, "arguments": question.action["arguments"]}
        self.run.log("approval_requested", question.title, data={"call": self.row.call_id, "approval_id": question.id})
        return put(self._reviewer(), question, lambda: _write(self.row, values))

    def _reviewer(self) -> Reviewer:
        reviewer = reviewer_of(self.run.app)
        if reviewer is None:
            message = f"Only people can tell whether {self.row.name} was done, and the plugin that asks them is off."
            raise RunFailed("tool_outcome_unknown", message)
        return reviewer

    def _approved(self) -> dict[str, Any] | str:
        """The arguments as they were approved, or what the model is told of the refusal."""
        reviewer = reviewer_of(self.run.app)
        if reviewer is None:
            return self._nobody_to_ask()
        decision = decided(reviewer, self.row.approval_id)
        data = {"call": self.row.call_id, "by": decision.by}
        if decision.approved:
            if self.row.started_at is None:  # or else it was told of before the tool asked for patience
                self.run.log("tool_approved", f"{self.row.name} was approved.", data=data, content=decision.comment or None)
            return self._arguments_in(decision.action)
        self.run.log("tool_denied", f"{self.row.name} was denied.", level="warning", data=data, content=decision.comment)
        return decision.comment if decision.by is None else f"A person denied this: {decision.comment}"

    def _arguments_in(self, action: Mapping[str, Any]) -> dict[str, Any] | str:
        """The arguments of an approved action, or what the model is told where it is another action than the one that was put."""
        arguments = action.get("arguments")
        if action.get("tool") != self.row.ref or not isinstance(arguments, dict):
            return f"What was approved is not a call of {self.row.name}, so it was not made."
        return arguments

    def _told_by_people(self) -> Any:
        decision = decided(self._reviewer(), self.row.approval_id)
        if decision.approved:
            return _close(self.run, self.row, DONE, {"result": decision.comment or "It was done."})
        if decision.by is None:
            return _close(self.run, self.row, UNKNOWN, {"error": "Nobody could say whether it was done, so do not do it again."})
        return _close(self.run, self.row, DONE, {"error": f"It was not done. {decision.comment}".strip()})

    # Doing it.

    def _call(self, arguments: dict[str, Any]) -> Any:
        before = {"status": self.row.status}
        started = {"status": RUNNING, "ref": self.bound.ref, "arguments": arguments, "started_at": now()}
        if self.row.started_at is None:
            data = {"call": self.row.call_id, "tool": self.bound.ref}
            self.run.log("tool_called", f"{self.row.name} is called.", data=data)
        self.run.effect(lambda: _write(self.row, started))
        try:
            return self._do(arguments)
        except ToolLater as later:
            self.run.effect(lambda: _write(self.row, before))
            raise RunLater(later.seconds, later.message) from later

    def _do(self, arguments: Mapping[str, Any]) -> Any:
        try:
            value = self.bound.source.call(self._use(arguments))
        except ToolError as error:
            if error.unknown and not self.bound.tool.idempotent:
                raise self._ask_what_happened(arguments) from error
            self._leave_if_halted()
            return self._returned({"error": error.message})
        if isinstance(value, Awaited):
            raise self._until(value.id)
        return self._returned({"result": value})

    def _leave_if_halted(self) -> None:
        """Let the run go back to the queue with the call under way, if that was asked to end and may be made again."""
        if self.bound.tool.idempotent:
            with suppress(CancelRequested, TimedOut):  # they are met again before the next step
                self.run.check()

    def _use(self, arguments: Mapping[str, Any]) -> ToolUse:
        execution = self.run.execution
        return ToolUse(
            rest=self.bound.rest,
            arguments=arguments,
            idempotency_key=f"{execution.id}:{self.row.id}",
            execution_id=execution.id,
            step=self.run.number,
            initiator_id=execution.initiator_id or "",
            seconds_left=self.run.seconds_left(),
            should_cancel=self.run.cancelled,
        )

    def _after_a_crash(self) -> Any:
        """The worker died while the tool was at work: do it again where that may be and does no harm, or ask what happened."""
        if self.bound.tool.idempotent and self._is_allowed():
            return self._do(self.row.arguments)
        raise self._ask_what_happened(self.row.arguments)

    def _until(self, awaited_id: str) -> RunPauses:
        source, row = self.bound.source, self.row
        return RunPauses("event", lambda: _write(row, {"awaited_id": awaited_id}), lambda: source.result(awaited_id) is not None)

    def _awaited(self) -> Any:
        value = self.bound.source.result(self.row.awaited_id)
        if value is None:
            raise self._until(self.row.awaited_id)
        return self._returned(value)

    def _returned(self, answered: Mapping[str, Any]) -> Any:
        result = {key: keepable(value) for key, value in answered.items()}
        level = "warning" if "error" in result else "info"
        data = {"call": self.row.call_id, "ok": "error" not in result}
        self.run.log("tool_returned", f"{self.row.name} has answered.", level=level, data=data, content=_text(result)[:2000])
        return _close(self.run, self.row, DONE, result)


def _close(run: Run, row: ToolCall, status: str, result: dict[str, Any]) -> Any:
    """Keep what became of the call together with the step, and return what the model is told."""
    told = _cut(result)
    values = {"status": status, "result": told, "finished_at": now()}
    run.also(lambda: _write(row, values))
    return told


def _cut(result: dict[str, Any]) -> dict[str, Any]:
    text = _text(result)
    if len(text.encode()) <= _LONGEST_RESULT:
        return result
    return {"cut_off": text.encode()[:_LONGEST_RESULT].decode(errors="ignore"), "note": "The rest was left out: it was too long."}


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _write(row: ToolCall, values: Mapping[str, Any]) -> None:
    records.compare_and_set(row, {}, {**values, "updated_at": now(), "version": row.version + 1})
