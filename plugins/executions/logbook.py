"""The log of a run: its lines are gathered, in as much detail as the organization wants, and written together."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.data.records import database_of, insert_rows
from aasim_core.logs import redacted

from .models import Execution, LogEntry

if TYPE_CHECKING:
    from aasim_core.app import App

_NO_LINE = (0, None, None, None)


class Logbook:
    """The lines that follow the last one that was written; `last_step` is the step that it belongs to.

    `settled` is what the organization has settled, where that was read already.
    """

    def __init__(
        self, app: "App", execution: Execution, settled: Mapping[str, Any] | None = None, *, is_new: bool = False
    ) -> None:
        self._app = app
        self._settled = settled
        self._execution = execution
        self._sequence, self.last_step, *self._last = _NO_LINE if is_new else _last_line(execution.id)
        self._lines: list[LogEntry] = []

    def __bool__(self) -> bool:
        """Whether there are lines to write."""
        return bool(self._lines)

    def add(
        self, event: str, message: str, *, step: int | None, level: str = "info", data: Any = None, content: str | None = None
    ) -> None:
        """Add a line.

        `message` and `data` say what happened; `content`, what models, tools, services or people said, stands instead of `message`
        where the organization's log level is ``full``. At ``none`` nothing is written.
        """
        if self._detail != "none":
            self._sequence += 1
            self._lines.append(self._line(self._sequence, event, self._text(message, content), step, level, data))

    def is_news(self, event: str, message: str, content: str | None) -> bool:
        """Whether the last line says something else."""
        last = [self._lines[-1].event, self._lines[-1].message] if self._lines else self._last
        return last != [event, self._text(message, content)]

    def write(self, *, last: tuple[str, str] | None = None, step: int | None = None) -> None:
        """Write the lines in the running transaction, and after them the `last` one: its event and its message."""
        lines = list(self._lines)
        if last is not None and self._detail != "none":
            lines.append(self._line(self._sequence + 1, *last, step, "info", None))
        if lines:
            insert_rows(LogEntry, [line.row() for line in lines])
            database_of(LogEntry).current_transaction().after_commit.append(self._lines.clear)

    @cached_property
    def _detail(self) -> str:
        """How much the organization wants to have in its logs."""
        settings = self._app.organization_settings
        if self._settled is None:
            return str(settings.of(self._execution.organization_id, "executions")["log_level"])
        return str(settings.completed(self._settled)["executions"]["log_level"])

    def _text(self, message: str, content: str | None) -> str:
        return message if content is None or self._detail != "full" else redacted(content)

    def _line(self, sequence: int, event: str, message: str, step: int | None, level: str, data: Any) -> LogEntry:
        return LogEntry(
            organization_id=self._execution.organization_id,
            execution_id=self._execution.id,
            sequence=sequence,
            at=now(),
            level=level,
            step=step,
            event=event,
            message=message,
            data=data,
        )


def _last_line(execution_id: str) -> tuple[int, int | None, str | None, str | None]:
    """The sequence, the step, the event and the message of the last line."""
    columns = (LogEntry.sequence, LogEntry.step, LogEntry.event, LogEntry.message)
    mine = LogEntry.select(*columns).where(LogEntry.execution_id == execution_id)
    found: tuple[int, int | None, str | None, str | None] | None = mine.order_by(LogEntry.sequence.desc()).tuples().first()
    return found or _NO_LINE
