"""A run in progress: its durable steps, its log, and the checks before each effect."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import peewee

from aasim_core.clock import now
from aasim_core.data.faults import fault_of
from aasim_core.data.persistence import patient
from aasim_core.data.records import database_of
from aasim_core.text.json import to_json

from .. import states
from ..hookspecs import CancelRequested, Decision, Interrupted, Question, RunFailed, RunLater, TimedOut
from ..log.logbook import Address, Logbook
from ..models import Execution, Step, ToolCall
from ..questions import asking
from ..shell.waits import Arrived, Waits
from ..tools import calls
from ..tools.call_records import LONGEST_RESULT
from ..tools.toolbox import BoundTool, toolbox
from .numbering import Numbering
from .recorded_steps import finished_step, recorded_steps
from .run_status import HaltedSince, Turn, status_of
from .unwritten import Unwritten
from .usage import Spent, Tally, Usage

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: How often, in seconds, a running step looks whether it was cancelled.
_LOOK_EVERY = 0.2
_MOST_STEPS = 500
#: When a run looks again that runs something that is halted.
HALTED_SECONDS = 5.0
#: The finish reason of an incomplete answer, and how many of its characters are stored.
INTERRUPTED, _LONGEST_PARTIAL = "interrupted", 262_144


class DurableRun:
    """The `Run` of a worker.

    A finished step is written together with the beginning of what follows it: before the next step's effect, or with the end of
    the run, so that a run of one step costs one commit.
    """

    def __init__(
        self, app: "App", context: "JobContext", turn: Turn, timeout_seconds: float, halted_since: HaltedSince = None
    ) -> None:
        is_new, execution = turn.status is not None, turn.stored.record
        self.app = app
        self.stored, self.turn = turn.stored, turn.stored.state.turn
        self._context = context
        self._halted_since = halted_since
        self.waits = Waits(self)
        self._recorded = {} if is_new else recorded_steps(execution.id)
        self._begun = Numbering()
        self.is_repeated = self._is_in_step = False
        self._unwritten = Unwritten()
        self._log = Logbook(app, execution, turn.settled, is_new=is_new)
        self._known = turn.status
        self._looked_at = time.monotonic()
        self._usage = Usage() if is_new else Usage.of(execution)
        self._partial: str | None = None
        self._began = time.monotonic()
        self._deadline = self._began - execution.worked_ms / 1000 + timeout_seconds

    @property
    def execution(self) -> Execution:
        """The record of the run."""
        return self.stored.record

    def step(self, name: str, action: Callable[[], Any], *, asked: Any = None) -> Any:
        """The result (a JSON value) of a step: as recorded, if it finished before, or else of `action`; see `Run.step`.

        Raises `CancelRequested`, `TimedOut` or `Interrupted` before the action when it must not start.
        """
        number = self._begun.next(name)
        recorded = self._recorded.get(number)
        self.is_repeated = recorded is not None
        if recorded is not None:
            if recorded.name != name:
                raise RunFailed("nondeterministic_runner", f"Step {number} was {recorded.name} and is now {name}.")
            self._begun.ended_at = recorded.finished_at
            return recorded.result
        if number > _MOST_STEPS:
            raise RunFailed("too_many_steps", f"A run has at most {_MOST_STEPS} steps.")
        self.flush()
        started, digest = now(), None if asked is None else sha256(to_json(asked)).hexdigest()
        self.check()
        self._is_in_step = True
        try:
            result = action()
        finally:
            self._is_in_step = False
        self._unwritten.step = finished_step(self.execution, self.address, name, result, started, digest)
        self._begun.ended_at = self._unwritten.step.finished_at
        return result

    @property
    def number(self) -> int:
        """The number of the step that is being done or was done last; the first is 1."""
        return self._begun.number

    @property
    def address(self) -> Address:
        """The number and the path of that step."""
        return self._begun.address

    @property
    def now(self) -> datetime:
        """See `Run.now`."""
        started_at: datetime = self.execution.started_at
        return max(filter(None, (started_at, self._begun.ended_at, self.waits.ended_at)))

    def next_recorded(self) -> str | None:
        """The name of the step that comes next, if that was done in an earlier turn."""
        step = self._recorded.get(self.number + 1)
        return None if step is None else step.name

    def times(self, name: str) -> int:
        """How many steps of that name there were so far."""
        return self._begun.times(name)

    def also(self, write: Callable[[], object], *, is_progress: bool = False) -> None:
        """Call `write` in the transaction that writes the step that is being done; once, after what was given before."""
        self._unwritten.write_also(write)
        self._unwritten.is_progress |= is_progress

    def write_soon(self, write: Callable[[], object]) -> None:
        """See `Run.write_soon`."""
        self._unwritten.soon.append(write)

    def close(self) -> None:
        """Write pending data where the turn wrote nothing more: the run is over, or continues elsewhere."""
        if self._unwritten.soon:
            database_of(Step).attempt(self._unwritten.write_soon)

    def effect(self, write: Callable[[], object]) -> None:
        """Call `write` in its own transaction, before the effect that it announces; the log and other pending writes are included.

        Raises `CancelRequested` if the run was ended meanwhile, and `LeaseLost`.
        """

        def fenced() -> None:
            self._fence()
            self._log.write() if self._is_in_step else self.write()
            write()

        self._persist(fenced)

    def limit_seconds(self, seconds: float | None) -> None:
        """Limit the run to this many seconds in total, without its waiting time."""
        if seconds is not None:
            self._deadline = min(self._deadline, self._began - self.execution.worked_ms / 1000 + seconds)

    def spend(self, spent: "Spent") -> None:
        """Count a call of an engine: with the step that asked, or with the end of the turn where that step does not finish."""
        self._usage.add(spent)
        self._unwritten.has_spent, self._partial = True, spent.partial

    def spend_on_judge(self, spent: "Spent") -> None:
        """The same for the call of a judge."""
        self._usage.add(spent, by_judge=True)
        self._unwritten.has_spent = True

    @property
    def used(self) -> Tally:
        """What engines took for the run so far, judges included."""
        return self._usage.whole

    def usage(self) -> dict[str, Any]:
        """What the run used so far, as values of its row."""
        worked = round((time.monotonic() - self._began) * 1000)
        return {**self._usage.columns(), "worked_ms": self.execution.worked_ms + worked}

    def partial(self) -> dict[str, Any]:
        """The output of a run that ends in the middle of an answer, as values of its row; empty for any other."""
        return {"output": self._partial[:_LONGEST_PARTIAL], "finish_reason": INTERRUPTED} if self._partial else {}

    def seconds_left(self) -> float:
        """How long the run may still take."""
        return max(0.0, self._deadline - time.monotonic())

    def log(self, event: str, message: str, *, path: str | None = None, **line: Any) -> None:
        """Add a line to the run's log, as `Logbook.add` does; it is written with its step, and about that or the path."""
        self._log.add(event, message, at=self.address if path is None else Address(path=path), **line)

    def log_news(self, event: str, message: str, *, content: str | None = None, **line: Any) -> bool:
        """Add a line, unless it repeats the last one: a run that polls has nothing new to report. Returns whether it had."""
        if is_news := self._log.is_news(event, message, content):
            self.log(event, message, content=content, **line)
        return is_news

    def check(self, *, closely: bool = True) -> None:
        """Raise if the run was cancelled, timed out, or the worker stops.

        Pass `closely` before an effect; otherwise the database is queried at most five times a second.
        """
        if self._context.should_stop():
            raise Interrupted
        if (closely or self._is_time_to_look()) and (reason := self._must_end()) is not None:
            raise reason
        if self.seconds_left() <= 0:
            raise TimedOut

    def cancelled(self) -> bool:
        """Return whether the run must stop at once; `check` then has the reason. Queries the database at most five times a second.

        Pending log lines are written meanwhile, for followers. While the database is unavailable, the step continues.
        """
        if self._context.must_end:
            return True
        if not self._is_time_to_look():
            return False
        try:
            with patient(0):
                if self._must_end(in_step=True) is not None:
                    return True
                self.flush()
        except CancelRequested:
            return True
        except peewee.PeeweeException as error:
            if fault_of(error) is None:
                raise
        return False

    def _is_time_to_look(self) -> bool:
        return time.monotonic() - self._looked_at >= _LOOK_EVERY

    def _must_end(self, *, in_step: bool = False) -> Exception | None:
        """Return why the run must stop: cancelled, or its subject or organization halted; after a step, also: paused."""
        self._looked_at = time.monotonic()
        status, is_paused, halted_at = self._known or status_of(self.execution.id, self._halted_since)
        self._known = None
        if status != states.RUNNING:
            return CancelRequested()
        if (is_paused and not in_step) or self.app.organization_states.of(self.execution.organization_id).is_halted:
            return Interrupted()
        return None if halted_at is None else RunLater(HALTED_SECONDS, f"The {self.execution.kind} is halted.")

    def sleep_until(self, path: str, moment: datetime) -> None:
        """See `Run.sleep_until`."""
        self.waits.sleep_until(path, moment)

    def wait_for_signal(self, path: str, name: str, *, correlation: str = "", deadline: datetime | None = None) -> Arrived:
        """See `Run.wait_for_signal`."""
        return self.waits.signal(path, name, correlation, deadline)

    def wait_for_event(
        self, path: str, name: str, subject_id: str | None, *, since: datetime | None = None, deadline: datetime | None = None
    ) -> Arrived:
        """See `Run.wait_for_event`."""
        return self.waits.event(path, name, subject_id, since, deadline)

    def child(self, path: str, start: Callable[[Execution], Execution]) -> Callable[[], Arrived]:
        """See `Run.child`."""
        return self.waits.child(path, start)

    def ask(self, question: Callable[[str], Question]) -> Decision | None:
        """See `Run.ask`."""
        return asking.ask(self, question)

    def tools(self, entries: Sequence[Mapping[str, Any]]) -> Sequence[BoundTool]:
        """See `Run.tools`."""
        return toolbox(self.app, entries)

    def call_tool(self, call: ToolCall, bound: BoundTool | None, *, longest: int = LONGEST_RESULT) -> Any:
        """See `Run.call_tool`."""
        return calls.carry_out(self, call, bound, longest)

    def flush(self) -> None:
        """Write the finished step and the log, in a transaction of their own; `CancelRequested` where the run was ended meanwhile."""
        if self._log or self._unwritten:
            self._persist(self._flush)

    def _persist(self, write: Callable[[], object]) -> None:
        """Write in a transaction; where the storage is away, wait for it as long as the lease holds."""
        self._context.persist(lambda: database_of(Step).attempt(write))

    def _flush(self) -> None:
        self._fence()
        self.write()

    def _fence(self) -> None:
        """Verify that the job's lease holds and the run continues, until the running transaction ends.

        Progress resets the count of crashes.
        """
        has_progress = self._unwritten.is_progress or self._unwritten.step is not None
        self._context.checkpoint() if has_progress else self._context.fence()
        if not self.stored.touch(self._usage.columns() if self._unwritten.has_spent else {}):
            raise CancelRequested

    def write(self, *, last: tuple[str, str] | None = None) -> None:
        """Write them, and the `last` line of the log, in the running transaction, which also fences or completes the job."""
        self._unwritten.write()
        self._log.write(last=last, at=self.address)
        database_of(Step).current_transaction().after_commit.append(partial(setattr, self, "_unwritten", Unwritten()))
