"""A run in progress: its durable steps, its log, and the checks before each effect."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data.records import database_of, insert_rows

from . import states
from .hookspecs import RunFailed, RunLater
from .logbook import Logbook
from .models import Execution, Step
from .standing import Standing, standing_of

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.jobs.context import JobContext

#: How often, in seconds, a running step looks whether it was cancelled.
_LOOK_EVERY = 0.2
_MOST_STEPS = 500
#: When a run whose agent is halted looks again.
HALTED_SECONDS = 5.0


class CancelRequested(Exception):
    """Somebody asked for the end of the run."""


class TimedOut(Exception):
    """The run used up its time."""


class Interrupted(Exception):
    """The worker stops; the run goes on elsewhere, from its last finished step."""


class Run:
    """What a runner works with; `known` is how it stands, where its first turn has just begun.

    A finished step is written together with the beginning of what follows it: before the next step's effect, or with the end of
    the run, so that a run of one step costs one commit.
    """

    def __init__(
        self,
        app: "App",
        context: "JobContext",
        execution: Execution,
        timeout_seconds: float,
        settled: Mapping[str, Any],
        known: Standing | None = None,
    ) -> None:
        is_new = known is not None
        self.app = app
        self.execution = execution
        self._context = context
        self._recorded = {} if is_new else _steps(execution.id)
        self._number = 0
        self._names: Counter[str] = Counter()
        #: Whether the last step had been done in an earlier turn, and its result was read back.
        self.is_repeated = False
        self._pending: Step | None = None
        self._also: list[Callable[[], object]] = []
        self._log = Logbook(app, execution, settled, is_new=is_new)
        self._known = known
        self._looked_at = time.monotonic()
        self._usage: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0, "cost": None}
        self._began = time.monotonic()
        self._deadline = self._began - execution.worked_ms / 1000 + timeout_seconds

    def step(self, name: str, action: Callable[[], Any]) -> Any:
        """The result (a JSON value) of a step: as recorded, if it finished before, or else of `action`.

        Raises `CancelRequested`, `TimedOut` or `Interrupted` before the action when it must not start.
        """
        self._number += 1
        self._names[name] += 1
        recorded = self._recorded.get(self._number)
        self.is_repeated = recorded is not None
        if recorded is not None:
            if recorded.name != name:
                raise RunFailed("nondeterministic_runner", f"Step {self._number} was {recorded.name} and is now {name}.")
            return recorded.result
        if self._number > _MOST_STEPS:
            raise RunFailed("too_many_steps", f"A run has at most {_MOST_STEPS} steps.")
        self.flush()
        started = now()
        self.check()
        result = action()
        self._pending = self._finished(name, result, started)
        return result

    @property
    def number(self) -> int:
        """The number of the step that is being done or was done last; the first is 1."""
        return self._number

    def next_recorded(self) -> str | None:
        """The name of the step that comes next, if that was done in an earlier turn."""
        step = self._recorded.get(self._number + 1)
        return None if step is None else step.name

    def times(self, name: str) -> int:
        """How many steps of that name there were so far."""
        return self._names[name]

    def also(self, write: Callable[[], object]) -> None:
        """Call `write` in the transaction that writes the step that is being done."""
        self._also.append(write)

    def effect(self, write: Callable[[], object]) -> None:
        """Call `write` in a transaction of its own, before the effect that it tells of; the log goes with it.

        Raises `CancelRequested` where the run was ended meanwhile, and `LeaseLost`.
        """

        def fenced() -> None:
            self._fence()
            self._log.write()
            write()

        database_of(Step).attempt(fenced)

    def limit_seconds(self, seconds: float | None) -> None:
        """Allow the run at most so many seconds in all, without the time that it waits."""
        if seconds is not None:
            self._deadline = min(self._deadline, self._began - self.execution.worked_ms / 1000 + seconds)

    def count(self, result: Mapping[str, Any]) -> None:
        """Add what a step used: its ``input_tokens``, ``output_tokens`` and ``cost`` (micro-units, None if unknown)."""
        for name in ("input_tokens", "output_tokens"):
            self._usage[name] += result[name]
        if result["cost"] is not None:
            self._usage["cost"] = (self._usage["cost"] or 0) + result["cost"]

    def usage(self) -> dict[str, Any]:
        """What the run used so far; the cost is None as long as no step's cost is known."""
        worked = round((time.monotonic() - self._began) * 1000)
        return {**self._usage, "worked_ms": self.execution.worked_ms + worked}

    def seconds_left(self) -> float:
        """How long the run may still take."""
        return max(0.0, self._deadline - time.monotonic())

    def log(self, event: str, message: str, **line: Any) -> None:
        """Add a line to the run's log, as `Logbook.add` does; it is written with the step that it belongs to."""
        self._log.add(event, message, step=self._number or None, **line)

    def log_news(self, event: str, message: str, *, content: str | None = None, **line: Any) -> None:
        """Add a line, unless the last one says the same: a run that looks in vain again and again has nothing new to tell."""
        if self._log.is_news(event, message, content):
            self.log(event, message, content=content, **line)

    def check(self, *, closely: bool = True) -> None:
        """Raise if the run was cancelled, ran out of time, or the worker stops.

        Before an effect it is looked at `closely`, else the database is asked at most five times a second.
        """
        if self._context.should_stop():
            raise Interrupted
        if closely or self._is_time_to_look():
            reason = self._must_end()
            if reason is not None:
                raise reason
        if self.seconds_left() <= 0:
            raise TimedOut

    def cancelled(self) -> bool:
        """Whether the run must stop at once, for which `check` then has the reason; asks the database at most five times a second.

        A step that is asked so late takes longer than a moment: what it has logged is written for those who follow the log, unless
        the run was ended meanwhile.
        """
        if not self._is_time_to_look():
            return False
        if self._must_end() is not None:
            return True
        try:
            self.flush()
        except CancelRequested:
            return True
        return False

    def _is_time_to_look(self) -> bool:
        return time.monotonic() - self._looked_at >= _LOOK_EVERY

    def _must_end(self) -> Exception | None:
        """Why the run does not go on, also in the middle of a step: somebody cancelled it, or halted what runs or the organization."""
        self._looked_at = time.monotonic()
        status, halted_at = self._known or standing_of(self.execution.id)
        self._known = None
        if status != states.RUNNING:
            return CancelRequested()
        if self.app.pulse.of(self.execution.organization_id).is_halted:
            return Interrupted()
        return None if halted_at is None else RunLater(HALTED_SECONDS, "The agent is halted.")

    def flush(self) -> None:
        """Write the finished step and the log, in a transaction of their own; `CancelRequested` where the run was ended meanwhile."""
        if self._pending is not None or self._log or self._also:
            database_of(Step).attempt(self._flush)

    def _flush(self) -> None:
        self._fence(progress=self._pending is not None)
        self.write()

    def _fence(self, *, progress: bool = False) -> None:
        """Make sure that the job is still ours, and the run still to go on, as long as the running transaction lasts."""
        self._context.checkpoint() if progress else self._context.fence()
        if not states.touch(self.execution):
            raise CancelRequested

    def write(self, *, last: tuple[str, str] | None = None) -> None:
        """Write them, and the `last` line of the log, in the running transaction, which also fences or completes the job."""
        if self._pending is not None:
            insert_rows(Step, [self._pending.row()])
        self._log.write(last=last, step=self._number or None)
        for write in self._also:
            write()
        database_of(Step).current_transaction().after_commit.append(self._forget)

    def _forget(self) -> None:
        self._pending, self._also = None, []

    def _finished(self, name: str, result: Any, started: datetime) -> Step:
        return Step(
            execution_id=self.execution.id,
            organization_id=current_organization(),
            number=self._number,
            name=name,
            result=result,
            started_at=started,
            finished_at=now(),
        )


def _steps(execution_id: str) -> dict[int, Step]:
    return {step.number: step for step in Step.select().where(Step.execution_id == execution_id)}
