"""Read the next turn from a script in an agent's parameters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..engines.hookspecs import ERROR_CODES, EngineError, Message, Parameters, ToolCall

#: The faults that a turn can name besides the codes of `EngineError`.
HANG, GARBAGE, CUT = "hang", "garbage", "cut"
FAULTS = (*ERROR_CODES, HANG, GARBAGE, CUT)
_LONGEST_DELAY = 3600


@dataclass(frozen=True)
class Turn:
    """One reply of a script, as written: `text` may be an object, which is answered as JSON."""

    text: Any = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    fault: str | None = None
    until_attempt: int | None = None
    retry_after: float | None = None
    delay_seconds: float = 0
    model: str | None = None


def turn_for(messages: Sequence[Message], parameters: Parameters) -> Turn:
    """The turn that answers `messages`: the script's entry after as many turns as the assistant has had.

    Counting stored turns, rather than calls, gives the same reply again after a crash. Without `replies` the last message is
    echoed.
    """
    script = parameters.extra
    position = position_of(messages)
    turn = _entry(script, position, messages)
    if turn.fault is None:
        turn = replace(turn, fault=script.get("fault"), until_attempt=turn.until_attempt or script.get("until_attempt"))
    return _checked(replace(turn, delay_seconds=turn.delay_seconds or script.get("delay_seconds", 0)), position)


def position_of(messages: Sequence[Message]) -> int:
    """How many turns the assistant has had in this conversation."""
    return sum(message.role == "assistant" for message in messages)


def text_of(turn: Turn) -> str:
    """The text of the turn."""
    return turn.text if isinstance(turn.text, str) else json.dumps(turn.text, ensure_ascii=False)


def tool_calls_of(turn: Turn, position: int) -> tuple[ToolCall, ...]:
    """The tool calls of the turn; an id that was not written is made from the turn's position, so that it is stable."""
    return tuple(
        ToolCall(str(call.get("id", f"call_{position}_{number}")), str(call["name"]), _arguments(call.get("arguments", {})))
        for number, call in enumerate(turn.tool_calls)
    )


def _entry(script: Mapping[str, Any], position: int, messages: Sequence[Message]) -> Turn:
    replies = script.get("replies")
    if script.get("echo") or replies is None:
        return Turn(text=next((message.content for message in reversed(messages) if message.role != "assistant"), ""))
    if not isinstance(replies, list | tuple):
        raise _wrong("replies must be a list")
    if position >= len(replies):
        raise _wrong(f"it has {len(replies)} replies, and this is turn {position + 1}")
    entry = replies[position]
    return Turn(text=entry) if isinstance(entry, str) else _turn(entry, f"replies[{position}]")


def _turn(entry: Any, place: str) -> Turn:
    known = [field.name for field in fields(Turn)]
    if not isinstance(entry, Mapping):
        raise _wrong(f"{place} must be a text, or an object with some of {', '.join(known)}")
    if unknown := sorted(set(entry) - set(known)):
        raise _wrong(f"{place} has no {unknown[0]!r}; it may have {', '.join(known)}")
    return Turn(**entry)


def _checked(turn: Turn, position: int) -> Turn:
    if turn.fault is not None and turn.fault not in FAULTS:
        raise _wrong(f"there is no fault {turn.fault!r}; there are {', '.join(FAULTS)}")
    if not _is_number(turn.delay_seconds) or not 0 <= turn.delay_seconds <= _LONGEST_DELAY:
        raise _wrong(f"delay_seconds must be a number from 0 to {_LONGEST_DELAY}")
    if turn.until_attempt is not None and type(turn.until_attempt) is not int:
        raise _wrong("until_attempt must be a whole number")
    if turn.retry_after is not None and not _is_number(turn.retry_after):
        raise _wrong("retry_after must be a number of seconds")
    calls = turn.tool_calls
    if not isinstance(calls, list | tuple) or not all(isinstance(call, Mapping) and "name" in call for call in calls):
        raise _wrong(f"the tool_calls of replies[{position}] must be a list of objects with a name")
    return turn


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arguments(written: Any) -> str:
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False)


def _wrong(what: str) -> EngineError:
    return EngineError("invalid_request", f"the script in the agent's parameters cannot be played: {what}")
