"""The runner of agents: call the engine, execute the proposed tool calls, and repeat until there is an answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.data.records import insert_rows
from aasim_core.errors import Refused
from aasim_core.ids import new_id

from ...engines import service as engines
from ...engines.hookspecs import (
    BUDGET_EXCEEDED,
    Cancelled,
    EngineError,
    Message,
    Reply,
    ToolCall,
    ToolSpec,
    in_words,
    refuse_spent,
)
from ...executions.hookspecs import CancelRequested, Finished, Run, RunFailed, Runner
from ...executions.models import Execution
from ...executions.models import ToolCall as CallRecord
from ...executions.service import BoundTool
from .. import service
from ..models import Agent
from . import outputs
from .assessment import assess
from .engine_failures import later_or_never
from .opening import opening

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_TOOL_CALLS = 100
_MOST_ALIKE = 3
#: Level and text of log lines about engines, where their content is not recorded.
_NOTES = {
    "engine_called": ("debug", "An engine is called."),
    "engine_fell_back": ("warning", "An engine could not answer, and the next is called."),
    "engine_degraded": ("warning", "An engine is degraded."),
    "engine_recovered": ("info", "A degraded engine answers again."),
}


def agent_runner(app: "App") -> Runner:
    """The runner of the kind ``agent``; it remembers the definitions that ran lately, since a version never changes."""

    @lru_cache(maxsize=1024)
    def definition_of(organization_id: str, agent_id: str, number: int) -> dict[str, Any]:
        definition = service.pinned_definition(agent_id, number)
        if definition is None:
            raise RunFailed("agent_missing", "The agent is not there any more.")
        return definition

    def pinned(execution: Execution) -> dict[str, Any]:
        return definition_of(execution.organization_id, execution.subject_id or "", execution.subject_version or 0)

    return Runner(
        service.KIND,
        run=lambda run: run_definition(app, run, pinned(run.execution)),
        most_at_once=lambda execution: (pinned(execution)["limits"] or {}).get("max_concurrent"),
        check_start=lambda execution: refuse_spent(app, service.payer_of(execution)),
        restart=partial(service.restart, app),
        halted_since=_halted_since,
        refusals=(BUDGET_EXCEEDED,),
    )


def _halted_since() -> Any:
    return Agent.select(Agent.halted_at).where(Agent.id == Execution.subject_id)


def run_definition(app: "App", run: Run, definition: dict[str, Any]) -> Finished:
    """Run an agent with that definition, wherever it is stored: call its engine and the tools that it proposes, until it answers."""
    limits = definition["limits"] or {}
    run.limit_seconds(limits.get("timeout_seconds"))
    messages = opening(run, definition)
    tools = run.tools(definition["tools"])
    told: set[str] = set()
    for turn in range(1, (limits.get("max_steps") or 50) + 1):
        reply = run.step("engine", partial(_ask, app, run, definition, messages, turn, tools, told), asked=messages)
        _refuse_over(limits, run)
        proposed = tuple(ToolCall(**call) for call in reply["tool_calls"])
        messages.append(Message("assistant", reply["text"], proposed))
        if proposed:
            _refuse_too_many(limits, messages)
            messages += _carry_out(run, proposed, tools)
            continue
        assessed = assess(run, definition, outputs.answered(definition, reply))
        if isinstance(assessed, Finished):
            return replace(assessed, finish_reason="length" if reply["finish"] == "length" else "stop")
        messages.append(Message("user", assessed))
    raise RunFailed(
        "max_steps_reached", f"The agent had no answer after {turn} turns; raise limits.max_steps or change its prompt."
    )


def _ask(
    app: "App",
    run: Run,
    definition: dict[str, Any],
    messages: Sequence[Message],
    turn: int,
    tools: Sequence[BoundTool],
    told: set[str],
) -> dict[str, Any]:
    """One call of the engine, as the JSON value that the step records; the tool calls that it proposes are written with it."""
    _warn_of_missing(run, tools, told)
    layers = (definition["parameters"] or {}, run.execution.parameters or {})
    try:
        answer = engines.ask(
            app,
            definition["engine_id"],
            messages,
            layers=layers,
            tools=[_spec_of(bound) for bound in tools if bound.is_there],
            schema=definition["output_schema"],
            timeout_seconds=run.seconds_left(),
            on_note=partial(_note, run, turn),
            on_spent=partial(_spend, run),
            should_cancel=run.cancelled,
            write_soon=run.write_soon,
            attempt=run.execution.attempt,
            payer=service.payer_of(run.execution, *run.address),
        )
    except Cancelled:
        run.check()
        raise CancelRequested from None
    except Refused as refused:
        raise RunFailed.by(refused) from refused
    except EngineError as error:
        run.check()
        raise later_or_never(run, error) from error
    reply = answer.reply
    _log_reply(run, answer)
    if reply.tool_calls:
        rows = [_proposed(run, call, position, tools).row() for position, call in enumerate(reply.tool_calls)]
        run.also(lambda: insert_rows(CallRecord, rows))
    return _recorded(answer)


def _recorded(answer: engines.Answer) -> dict[str, Any]:
    """The answer as its step records it."""
    reply = answer.reply
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


def _spec_of(bound: BoundTool) -> ToolSpec:
    """Return the tool as described to the model: without its fixed arguments."""
    schema = bound.tool.parameters
    properties = {name: value for name, value in (schema.get("properties") or {}).items() if name not in bound.fixed}
    needed = [name for name in schema.get("required") or [] if name not in bound.fixed]
    return ToolSpec(bound.name, bound.tool.description, {**schema, "properties": properties, "required": needed})


def _said(reply: Reply) -> str:
    """The engine's text, and the calls that it proposes."""
    return "\n".join([*filter(None, [reply.text]), *(f"{call.name}({call.arguments})" for call in reply.tool_calls)])


def _warn_of_missing(run: Run, tools: Sequence[BoundTool], told: set[str]) -> None:
    """Log once per turn, for each unavailable tool, that the agent continues without it."""
    for bound in tools:
        if bound.ref not in told and not bound.is_there:
            told.add(bound.ref)
            data = {"tool": bound.ref, "plugin": bound.found.plugin}
            run.log("tool_unavailable", bound.why_not_there(bound.ref), level="warning", data=data)


def _log_reply(run: Run, answer: engines.Answer) -> None:
    reply = answer.reply
    data = {"finish": reply.finish, "model": reply.raw_model, "engine_id": answer.engine_id}
    run.log("engine_replied", "The engine has answered.", content=_said(reply)[:2000], data=data)
    if reply.finish == "length":
        run.log("answer_cut_off", "The answer was cut off; raise max_output_tokens.", level="warning", data=data)


def _spend(run: Run, spent: engines.Spent) -> None:
    """Count a call's usage; a call without a reply is logged, since no step records it."""
    run.spend(spent)
    if spent.partial is not None:
        usage = spent.usage
        data = {"engine_id": spent.engine_id, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        data |= {"estimated": usage.source == "estimated"}
        text = spent.partial[:2000] or None
        run.log("engine_interrupted", "The engine was interrupted.", level="warning", data=data, content=text)


def _note(run: Run, turn: int, note: engines.Note) -> None:
    """Log which engines are called."""
    level, message = _NOTES[note.event]
    data = {"engine_id": note.engine_id, "turn": turn} | ({"code": note.code} if note.code else {})
    run.log(note.event, message, level=level, data=data, content=note.message)


def _proposed(run: Run, call: ToolCall, position: int, tools: Sequence[BoundTool]) -> CallRecord:
    """The record of a call that the model proposes in the step that is being done, by the name that the tool has now."""
    number = next((number for number, bound in enumerate(tools) if bound.name and bound.name == call.name), None)
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
    return run.call_tool(call, _bound(call, tools))


def _bound(call: CallRecord, tools: Sequence[BoundTool]) -> BoundTool | None:
    """Return the tool of the call; calls begun by an older version name its ref."""
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
    most_tokens, most_cost = limits.get("max_tokens"), limits.get("max_cost")
    if most_tokens is not None and run.used.tokens > most_tokens:
        raise RunFailed("max_tokens_reached", f"The run used {run.used.tokens} tokens; its limit is {most_tokens}.")
    for currency, cost in run.used.costs.items():
        if most_cost is not None and cost > most_cost:
            limit = in_words(most_cost, currency)
            raise RunFailed("max_cost_reached", f"The run cost {in_words(cost, currency)}; its limit is {limit}.")
