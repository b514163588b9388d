"""Running an agent: ask its engine, carry out the calls that it proposes, until it has an answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.data.records import insert_rows
from aasim_core.errors import Refused
from aasim_core.ids import new_id

from ..agents import service as agents
from ..engines import service as engines
from ..engines.hookspecs import Cancelled, EngineError, Message, ToolCall
from . import calls, outputs
from .assessment import assess
from .hookspecs import Finished, RunFailed, Runner
from .models import Execution
from .models import ToolCall as CallRecord
from .opening import opening
from .run import CancelRequested, Run
from .service import payer_of
from .tools import BoundTool, toolbox
from .waiting import later_or_never

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_TOOL_CALLS = 100
_MOST_ALIKE = 3
#: How important it is what is told of the engines, and what is said of it where nothing of its content is kept.
_NOTES = {
    "engine_called": ("debug", "An engine is asked."),
    "engine_fell_back": ("warning", "An engine could not answer, and the next is asked."),
    "engine_degraded": ("warning", "An engine is degraded."),
    "engine_recovered": ("info", "A degraded engine answers again."),
}


def agent_runner(app: "App") -> Runner:
    """The runner of the kind ``agent``; it remembers the definitions that ran lately, since a version never changes."""

    @lru_cache(maxsize=1024)
    def definition_of(organization_id: str, agent_id: str, number: int) -> dict[str, Any]:
        definition = agents.pinned_definition(agent_id, number)
        if definition is None:
            raise RunFailed("agent_missing", "The agent is not there any more.")
        return definition

    def pinned(execution: Execution) -> dict[str, Any]:
        return definition_of(execution.organization_id, execution.agent_id or "", execution.agent_version or 0)

    return Runner(
        "agent",
        run=lambda run: _run(app, run, pinned(run.execution)),
        most_at_once=lambda execution: (pinned(execution)["limits"] or {}).get("max_concurrent"),
    )


def _run(app: "App", run: Run, definition: dict[str, Any]) -> Finished:
    limits = definition["limits"] or {}
    run.limit_seconds(limits.get("timeout_seconds"))
    messages = opening(run, definition)
    tools = toolbox(app, definition["tools"])
    for turn in range(1, (limits.get("max_steps") or 50) + 1):
        reply = run.step("engine", partial(_ask, app, run, definition, messages, turn, tools))
        run.count(reply)
        _refuse_over(limits, run)
        proposed = tuple(ToolCall(**call) for call in reply["tool_calls"])
        messages.append(Message("assistant", reply["text"], proposed))
        if proposed:
            _refuse_too_many(limits, messages)
            messages += _carry_out(run, proposed, tools)
            continue
        assessed = assess(run, definition, outputs.answered(definition, reply))
        if isinstance(assessed, Finished):
            return assessed
        messages.append(Message("user", assessed))
    raise RunFailed(
        "max_steps_reached", f"The agent had no answer after {turn} turns; raise limits.max_steps or change its prompt."
    )


def _ask(
    app: "App", run: Run, definition: dict[str, Any], messages: Sequence[Message], turn: int, tools: Sequence[BoundTool]
) -> dict[str, Any]:
    """One call of the engine, as the JSON value that the step records; the tool calls that it proposes are written with it."""
    layers = (definition["parameters"] or {}, run.execution.parameters or {})
    try:
        answer = engines.ask(
            app,
            definition["engine_id"],
            messages,
            layers=layers,
            tools=[bound.spec for bound in tools if bound.is_there],
            schema=definition["output_schema"],
            timeout_seconds=run.seconds_left(),
            on_note=partial(_note, run, turn),
            should_cancel=run.cancelled,
            attempt=run.execution.attempt,
            payer=payer_of(run.execution, run.number),
        )
    except Cancelled:
        run.check()
        raise CancelRequested from None
    except Refused as refused:
        raise RunFailed.by(refused) from refused
    except EngineError as error:
        raise later_or_never(run, error) from error
    reply = answer.reply
    run.log(
        "engine_replied",
        "The engine has answered.",
        content=reply.text[:2000],
        data={"finish": reply.finish, "model": reply.raw_model, "engine_id": answer.engine_id},
    )
    if reply.tool_calls:
        rows = [_proposed(run, call, position, tools).row() for position, call in enumerate(reply.tool_calls)]
        run.also(lambda: insert_rows(CallRecord, rows))
    return {
        "text": reply.text,
        "tool_calls": [asdict(call) for call in reply.tool_calls],
        "finish": reply.finish,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cost": answer.cost,
        "usage_source": reply.usage.source,
        "model": reply.raw_model,
        "engine_id": answer.engine_id,
    }


def _note(run: Run, turn: int, note: engines.Note) -> None:
    """Keep in the log what is told of the engines while they are asked."""
    level, message = _NOTES[note.event]
    data = {"engine_id": note.engine_id, "turn": turn} | ({"code": note.code} if note.code else {})
    run.log(note.event, message, level=level, data=data, content=note.message)


def _proposed(run: Run, call: ToolCall, position: int, tools: Sequence[BoundTool]) -> CallRecord:
    """The record of a call that the model proposes in the step that is being done, by the name that the tool has now."""
    number = next((number for number, bound in enumerate(tools) if bound.is_there and bound.name == call.name), None)
    try:
        arguments = call.parsed()
    except ValueError:
        arguments = None
    return CallRecord(
        id=new_id("toolcall"),
        organization_id=run.execution.organization_id,
        execution_id=run.execution.id,
        turn=run.number,
        position=position,
        call_id=call.id,
        name=call.name,
        tool=number,
        ref=None if number is None else tools[number].ref,
        arguments=arguments,
    )


def _carry_out(run: Run, proposed: Sequence[ToolCall], tools: Sequence[BoundTool]) -> list[Message]:
    """The results of the calls of one turn, as the model reads them."""
    turn, told = run.number, []
    for position, call in enumerate(proposed):
        result = run.step(f"tool:{call.name}", partial(_result_of, run, turn, position, tools))
        told.append(Message("tool", orjson.dumps(result).decode(), tool_call_id=call.id))
    return told


def _result_of(run: Run, turn: int, position: int, tools: Sequence[BoundTool]) -> Any:
    mine = (CallRecord.execution_id == run.execution.id) & (CallRecord.turn == turn) & (CallRecord.position == position)
    call = CallRecord.get(mine)
    return calls.carry_out(run, call, _bound(call, tools))


def _bound(call: CallRecord, tools: Sequence[BoundTool]) -> BoundTool | None:
    """The tool that the call is of; calls that were begun before they knew that name its ref."""
    if call.tool is not None:
        return tools[call.tool]
    return next((bound for bound in tools if bound.ref == call.ref), None)


def _refuse_too_many(limits: dict[str, Any], messages: Sequence[Message]) -> None:
    """Raises RunFailed for an agent that calls tools without end, or the same one with the same arguments again and again."""
    called = Counter((call.name, call.arguments) for message in messages for call in message.tool_calls)
    most = limits.get("max_tool_calls") or _MOST_TOOL_CALLS
    if called.total() > most:
        raise RunFailed("max_tool_calls_reached", f"The run called tools {called.total()} times; its limit is {most}.")
    (name, _), times = called.most_common(1)[0]
    if times >= _MOST_ALIKE:
        raise RunFailed("tool_call_repeated", f"The agent called {name} {times} times with the same arguments.")


def _refuse_over(limits: dict[str, Any], run: Run) -> None:
    spent = run.usage()
    tokens = spent["input_tokens"] + spent["output_tokens"]
    if limits.get("max_tokens") is not None and tokens > limits["max_tokens"]:
        raise RunFailed("max_tokens_reached", f"The run used {tokens} tokens; its limit is {limits['max_tokens']}.")
    if limits.get("max_cost") is not None and (spent["cost"] or 0) > limits["max_cost"]:
        raise RunFailed("max_cost_reached", f"The run cost {spent['cost']} micro-units; its limit is {limits['max_cost']}.")
