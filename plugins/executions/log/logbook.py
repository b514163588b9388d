"""The log of a run: lines are collected at the organization's level of detail, and written together."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import fn

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.compiled import compiled
from aasim_core.data.records import database_of, find, insert_rows
from aasim_core.data.statements import Bind
from aasim_core.logs.redaction import redacted
from aasim_core.tenancy.records import Organization

from ..models import Execution, LogEntry

if TYPE_CHECKING:
    from aasim_core.app import App


class Address(NamedTuple):
    """What a line is about: the number of a step of the run, and the path of the step or the node."""

    step: int | None = None
    path: str | None = None


#: The sequence, the step and its path, the event and the message of a line.
Line = tuple[int, int | None, str | None, str | None, str | None]
NOWHERE = Address()
_NO_LINE: Line = (0, None, None, None, None)
_OF_LINE = (LogEntry.sequence, LogEntry.step, LogEntry.path, LogEntry.event, LogEntry.message)


class Logbook:
    """The lines that follow the last one that was written; `last_address` is what it is about.

    `settled` is what the organization has settled, where that was read already, and `last` the last line.
    """

    def __init__(
        self,
        app: "App",
        execution: Execution,
        settled: Mapping[str, Any] | None = None,
        *,
        is_new: bool = False,
        last: Line | None = None,
    ) -> None:
        self._app = app
        self._settled = settled
        self._execution = execution
        self._sequence, step, path, *self._last = _NO_LINE if is_new else last or _last_line(execution.id)
        self.last_address = Address(step, path)
        self._lines: list[LogEntry] = []

    @classmethod
    def of_many(cls, app: "App", executions: Sequence[Execution]) -> Mapping[str, "Logbook"]:
        """The logs of executions of the organization in scope, by their ids, which are read together."""
        organization: Organization = find(Organization, current_organization())
        last = _last_lines([each.id for each in executions])
        return {each.id: cls(app, each, organization.settings, last=last.get(each.id, _NO_LINE)) for each in executions}

    def __bool__(self) -> bool:
        """Whether there are lines to write."""
        return bool(self._lines)

    def add(
        self, event: str, message: str, *, at: Address, level: str = "info", data: Any = None, content: str | None = None
    ) -> None:
        """Add a line.

        `message` and `data` say what happened; `content`, what models, tools, services or people said, stands instead of `message`
        where the organization's log level is ``full``. At ``none`` nothing is written.
        """
        if self._detail != "none":
            self._sequence += 1
            self._lines.append(self._line(self._sequence, event, self._text(message, content), at, level, data))
            database_of(LogEntry).on_rollback(self._take_back)

    def _take_back(self) -> None:
        self._sequence -= 1
        self._lines.pop()

    def is_news(self, event: str, message: str, content: str | None) -> bool:
        """Whether there is a log whose last line says something else."""
        if self._detail == "none":
            return False
        last = [self._lines[-1].event, self._lines[-1].message] if self._lines else self._last
        return last != [event, self._text(message, content)]

    def write(self, *, last: tuple[str, str] | None = None, at: Address = NOWHERE) -> None:
        """Write the lines in the running transaction, and after them the `last` one: its event and its message."""
        lines = list(self._lines)
        if last is not None and self._detail != "none":
            lines.append(self._line(self._sequence + 1, *last, at, "info", None))
        if lines:
            insert_rows(LogEntry, [line.row() for line in lines])
            database_of(LogEntry).current_transaction().after_commit.append(self._lines.clear)

    @cached_property
    def _detail(self) -> str:
        """How much the organization wants to have in its logs."""
        settings = self._app.organization_settings
        if self._settled is None:
            return str(settings.of(self._execution.organization_id, "executions")["log_level"])
        return str(settings.settled(self._settled, "executions")["log_level"])

    def _text(self, message: str, content: str | None) -> str:
        return message if content is None or self._detail != "full" else redacted(content)

    def _line(self, sequence: int, event: str, message: str, at: Address, level: str, data: Any) -> LogEntry:
        return LogEntry(
            organization_id=self._execution.organization_id,
            execution_id=self._execution.id,
            sequence=sequence,
            occurred_at=now(),
            level=level,
            step=at.step,
            path=at.path,
            event=event,
            message=message,
            data=data,
        )


def last_paths(execution_ids: Sequence[str]) -> Mapping[str, str | None]:
    """The path that the last line of each execution is about, where there is one."""
    return {execution_id: line[2] for execution_id, line in _last_lines(execution_ids).items()}


def _last_line(execution_id: str) -> Line:
    return _newest.one(execution_id=execution_id) or _NO_LINE


@compiled(LogEntry)
def _newest() -> Any:
    mine = LogEntry.select(*_OF_LINE).where(LogEntry.execution_id == Bind("execution_id"))
    return mine.order_by(LogEntry.sequence.desc()).limit(1)


def _last_lines(execution_ids: Sequence[str]) -> Mapping[str, Line]:
    other: Any = LogEntry.alias()
    last = other.select(other.execution_id, fn.MAX(other.sequence).alias("sequence")).where(other.execution_id.in_(execution_ids))
    last = last.group_by(other.execution_id)
    is_last = (LogEntry.execution_id == last.c.execution_id) & (LogEntry.sequence == last.c.sequence)
    found: Any = LogEntry.select(LogEntry.execution_id, *_OF_LINE).join(last, on=is_last)
    return {execution_id: tuple(line) for execution_id, *line in found.tuples()}
