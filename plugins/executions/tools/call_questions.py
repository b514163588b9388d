"""Questions to people about a tool call: approval before it, or its unknown outcome after it."""

from collections.abc import Mapping
from typing import Any

from aasim_core.user_code import expressions

from ..hookspecs import Question, Run
from ..models import ToolCall
from ..questions.asking import is_wanted, new_question_id
from .sources import GRAVE
from .toolbox import APPROVAL_NAMES, BoundTool

_RISKS = {"read": "low", "write": "medium"}
_CHANGED = "The tool has changed since this was approved, so it is asked again."
_NOT_RECORDED = "This was asked before an upgrade, when it was not recorded what the tool does, so it is asked again."


def needs_approval(run: Run, row: ToolCall, bound: BoundTool) -> bool:
    """Return whether people decide whether the call is made: because of its effect, its definition, a rubric, or the organization."""
    return is_wanted(run.app, may_it_be_made(run, row, bound, arguments_of(row, bound)))


def arguments_of(row: ToolCall, bound: BoundTool) -> dict[str, Any]:
    """The arguments of a call that is not decided yet, with those that the definition fixes."""
    return {**(row.arguments or {}), **bound.fixed}


def may_it_be_made(run: Run, row: ToolCall, bound: BoundTool, arguments: Mapping[str, Any]) -> Question:
    """The question whether the call may be made as the tool is now; its action is sealed with the tool's digest."""
    return Question(
        **_facts(run, row, bound),
        kind="tool_call",
        title=f"May {_asker(run)} use {row.name}?",
        action={"tool": bound.ref, "tool_digest": bound.digest, "arguments": dict(arguments)},
        is_asked=_wants_approval(bound, arguments),
    )


def may_it_still_be_made(run: Run, row: ToolCall, bound: BoundTool, approved: Mapping[str, Any]) -> Question:
    """Return the question for an approved action whose tool has changed."""
    question = vars(may_it_be_made(run, row, bound, approved["arguments"]))
    reason = _CHANGED if "tool_digest" in approved else _NOT_RECORDED
    return Question(**{**question, "is_asked": True, "replaces": row.approval_id, "reason": reason})


def was_it_done(run: Run, row: ToolCall, bound: BoundTool, arguments: Mapping[str, Any]) -> Question:
    """The question whether a call had its effect of which only the intent is known."""
    return Question(
        **_facts(run, row, bound),
        kind="unknown_outcome",
        title=f"Has {row.name} been done?",
        action={"tool": bound.ref, "arguments": dict(arguments)},
        is_asked=True,
    )


def _facts(run: Run, row: ToolCall, bound: BoundTool) -> dict[str, Any]:
    effect = bound.tool.effect
    return {
        "id": new_question_id(),
        "execution": run.execution,
        "step": run.number,
        "path": row.path or run.address.path,
        "summary": bound.tool.description[:500],
        "initiator_id": run.execution.initiator_id or "",
        "risk": _RISKS.get(effect, "high"),
        "effect": effect,
        "schema": {**bound.tool.parameters, "type": "object"},
    }


def _asker(run: Run) -> str:
    return str(run.execution.label or "the agent")


def _wants_approval(bound: BoundTool, arguments: Mapping[str, Any]) -> bool:
    """Return whether the agent requires approval of this call; so does an expression that cannot be evaluated."""
    approval, effect = bound.approval, bound.tool.effect
    if approval in ("never", "always"):
        return approval == "always"
    if approval == "auto":
        return effect in GRAVE
    context = dict(zip(APPROVAL_NAMES, (dict(arguments), effect, bound.ref), strict=True))
    try:
        return expressions.evaluate(approval, context) is not False
    except ValueError:
        return True
