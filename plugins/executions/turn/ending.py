"""End a run without success: write the last line of its log, and close its open calls.

It is written at the end of the transaction that changes the state, after everything else. A successful run writes the line in its own turn,
and has no open calls.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now

from .. import states
from ..log.fingerprints import failures_of
from ..log.logbook import Logbook
from ..models import DENIED, PROPOSED, RUNNING, UNKNOWN, WAITING, Execution, ToolCall

if TYPE_CHECKING:
    from aasim_core.app import App

#: Level and text of the last log line.
_LINES: Mapping[str, tuple[str, str]] = {
    states.CANCELLED: ("info", "The run was cancelled."),
    states.FAILED: ("error", "The run failed."),
    states.TIMED_OUT: ("error", "The run timed out."),
}
ENDS = tuple(_LINES)


def wind_up(app: "App", execution: Execution) -> None:
    """Write the last line of a run that is at one of the `ENDS`, close its calls, and note how it failed, in the running transaction."""
    if execution.status != states.CANCELLED:
        fingerprint = failures_of([execution])[execution.id].fingerprint
        Execution.update(error_fingerprint=fingerprint).where(Execution.id == execution.id).execute()
    _write_last_line(app, execution)
    _close_calls(execution, (PROPOSED, WAITING), DENIED, "The run ended before this was done.")
    _close_calls(execution, (RUNNING,), UNKNOWN, "The run ended while this was being done.")


def _write_last_line(app: "App", execution: Execution) -> None:
    level, message = _LINES[execution.status]
    error: dict[str, Any] = execution.error or {}
    log = Logbook(app, execution)
    data = {"code": error["code"]} if error else None
    log.add(execution.status, message, at=log.last_address, level=level, data=data, content=_said(execution, message))
    log.write()


def _said(execution: Execution, message: str) -> str | None:
    """What was given as the reason of the end."""
    if execution.error:
        return str(execution.error["message"])
    return f"{message.removesuffix('.')}: {execution.cancel_reason}" if execution.cancel_reason else None


def _close_calls(execution: Execution, those: Collection[str], status: str, told: str) -> None:
    moment = now()
    values = {"status": status, "result": {"error": told}, "finished_at": moment, "updated_at": moment}
    mine = (ToolCall.execution_id == execution.id) & ToolCall.status.in_(those)
    ToolCall.update(**values, version=ToolCall.version + 1).where(mine).execute()
