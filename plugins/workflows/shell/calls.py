"""Calls of nodes with an outside effect: recorded before and after, and never repeated unknowingly."""

from dataclasses import replace
from typing import Any

from aasim_core.data.compiled import compiled
from aasim_core.data.records import row_of as columns_of
from aasim_core.data.records import to_record
from aasim_core.data.statements import Bind
from aasim_core.ids import new_id
from aasim_core.user_code.values import LONGEST_FILLED

from ...executions.hookspecs import LOOK_AGAIN_SECONDS, Run, RunLater, Tool, ToolSource, ToolUse
from ...executions.models import ToolCall
from ...executions.service import BoundTool, FoundTool
from ..hookspecs import NodeFailed, NodeType, NodeUse, Result, Used

_SOURCE = "node"
_NOTHING = Used("", "")
#: What a failure is called that has no name of its own.
FAILED = "tool_failed"


def bound_of(kind: NodeType, use: NodeUse) -> BoundTool:
    """What a node calls: the tool that its config names, or what its type does, with the config as the arguments."""
    if kind.bind is not None:
        return replace(kind.bind(use.app, use.config), key=use.key)
    effect, is_idempotent = kind.effect(use.config), kind.is_idempotent(use.config)
    used = kind.uses(use.app, use.config) or _NOTHING
    tool = Tool(kind.type, kind.about, kind.config, used.allowed, effect, is_idempotent, used.contract)
    source = ToolSource(_SOURCE, lambda rest: tool, lambda given: _output_of(kind, given, use))
    found = FoundTool(source, tool, use.app.offers.owner_of("node_types", kind.type))
    is_on = lambda: kind.type in use.app.offers.here("node_types")  # noqa: E731
    ref, brought = f"{_SOURCE}:{kind.type}", ("node_types", kind.type)
    return BoundTool(ref, use.label, tool, source, "never", use.config, found, is_on, use.key, brought)


def _output_of(kind: NodeType, given: ToolUse, use: NodeUse) -> Any:
    """What the call returns: the output; a Result, whose outcome nobody would follow, is the plugin's fault."""
    if kind.call is None:
        raise NodeFailed("not_a_call", "This type of nodes does nothing by itself.")
    output = kind.call(given)
    with use.app.offers.containing("node_types", kind.type):
        if isinstance(output, Result):
            raise TypeError("call returns the output itself, and not a Result; to branch, let a node that computes follow it")
    return output


def make(run: Run, row: ToolCall, bound: BoundTool) -> Any:
    """What the call gives. Raises NodeFailed, and what ends the turn: RunLater while what is called is off."""
    if row.finished_at is not None:
        told = row.result
    elif bound.is_off:
        raise RunLater(LOOK_AGAIN_SECONDS, f"{row.path} waits: {bound.why_not_there(bound.ref)}", missing=bound.missing)
    else:
        told = run.call_tool(row, bound, longest=LONGEST_FILLED)
    if "error" in told:
        raise NodeFailed(told.get("code", FAILED), str(told["error"]))
    if "cut_off" in told:
        raise NodeFailed("output_too_large", f"What {bound.ref} answered is larger than {LONGEST_FILLED // 1024} KiB.")
    return told.get("result")


def make_once(run: Run, bound: BoundTool, number: int, path: str) -> Any:
    """The same, of the call of that number in a run that does nothing else."""
    row = row_of(run, bound, number, 1, path)
    run.check()
    return make(run, row, bound)


def row_of(run: Run, bound: BoundTool, number: int, attempt: int, path: str, *, is_new: bool = False) -> ToolCall:
    """The record of the call that `number` and `attempt` name in the run; one that `is_new` or missing is not written yet."""
    if not is_new and (found := _recorded.one(execution_id=run.execution.id, turn=number, position=attempt - 1)) is not None:
        row: ToolCall = to_record(ToolCall, columns_of(ToolCall, found))
        return row
    return ToolCall(
        id=new_id("toolcall"),
        version=0,
        organization_id=run.execution.organization_id,
        execution_id=run.execution.id,
        turn=number,
        position=attempt - 1,
        path=path,
        call_id=f"{number}.{attempt}",
        name=bound.name or bound.ref,
        tool=0,
        ref=bound.ref,
        arguments={},
    )


@compiled(ToolCall)
def _recorded() -> Any:
    of_run = ToolCall.select(*ToolCall._meta.sorted_fields).where(ToolCall.execution_id == Bind("execution_id"))
    return of_run.where(ToolCall.turn == Bind("turn"), ToolCall.position == Bind("position"))
