"""Fingerprints of failures: equal error texts except names and numbers, at the same step, of the same engine and tool."""

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from aasim_core.data.records import database_of
from aasim_core.text.json import to_json

from ..models import WITHOUT_FINGERPRINT, Execution, ToolCall
from .logbook import last_paths

_LONGEST = 300
#: So few that nobody waits for the transaction.
_AT_ONCE = 200
#: The details that vary between failures of one kind, and their placeholders; in this order.
_VARYING = (
    (re.compile(r"https?://\S++"), "<url>"),
    (re.compile(r"_[0-9a-hjkmnp-tv-z]{26}\b"), "_<id>"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b[0-9a-fA-F]{16}[0-9a-fA-F]*+"), "<id>"),
    (re.compile(r"\"[^\"]*+\"|“[^“”]*+”|'[^'\s]*+'"), "<text>"),
    (re.compile(r"\d++(?:[.,:]\d++)*+"), "<number>"),
    (re.compile(r"\s++"), " "),
)
_REPETITION = re.compile(r"\[\d+\]|#\d+")


class Failure(NamedTuple):
    """What failures of one kind have in common.

    `path` is that of the step, without items and repetitions, and `tool` the ref of the tool that it called.
    """

    code: str
    message: str
    path: str | None
    engine_id: str | None
    tool: str | None

    @property
    def fingerprint(self) -> str:
        """The kind, in 16 hexadecimal digits."""
        return sha256(to_json(list(self))).hexdigest()[:16]


def normalized(message: str) -> str:
    """The message without what differs between failures of one kind."""
    for pattern, stands in _VARYING:
        message = pattern.sub(stands, message)
    return message[:_LONGEST].strip()


def failures_of(executions: Sequence[Execution]) -> Mapping[str, Failure]:
    """How these have failed, by id; each has failed."""
    ids = [execution.id for execution in executions]
    paths, tools = last_paths(ids), _tools(ids)
    return {execution.id: _failure(execution, paths.get(execution.id), tools) for execution in executions}


def fill(should_stop: Callable[[], bool]) -> None:
    """Write the fingerprints of runs of the organization in scope that failed before there were any, some at a time."""
    while not should_stop():
        with database_of(Execution).transaction(durable=False):
            failed = list(Execution.select().where(WITHOUT_FINGERPRINT).order_by(Execution.id).limit(_AT_ONCE))
            for execution_id, failure in failures_of(failed).items():
                lacking = (Execution.id == execution_id) & Execution.error_fingerprint.is_null()
                Execution.update(error_fingerprint=failure.fingerprint).where(lacking).execute()
        if len(failed) < _AT_ONCE:
            return


def _failure(execution: Execution, path: str | None, tools: Mapping[tuple[str, str], str | None]) -> Failure:
    error: Mapping[str, Any] = execution.error or {}
    path = (error.get("meta") or {}).get("path") or path
    tool = None if path is None else tools.get((execution.id, path))
    step = None if path is None else _REPETITION.sub("", str(path))
    return Failure(execution.error_code or "", normalized(str(error.get("message", ""))), step, execution.engine_id, tool)


def _tools(execution_ids: Sequence[str]) -> Mapping[tuple[str, str], str | None]:
    """The ref of the last tool that each path of these has called."""
    query: Any = ToolCall.select(ToolCall.execution_id, ToolCall.path, ToolCall.ref)
    query = query.where(ToolCall.execution_id.in_(list(execution_ids)), ToolCall.path.is_null(False))
    rows = query.order_by(ToolCall.turn, ToolCall.position).tuples()
    return {(execution_id, path): ref for execution_id, path, ref in rows}
