"""The hooks of the plugin executions: durable runs, tools, and questions to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pluggy

from aasim_core.errors import Refused

from .questions.reviewers import Decision, Question, Reviewer
from .shell.turn_ends import (
    LOOK_AGAIN_SECONDS,
    CancelRequested,
    Interrupted,
    RunFailed,
    RunLater,
    RunPauses,
    RunWaits,
    TimedOut,
    TurnEnds,
)
from .starting.startables import Startable, Target
from .tools.sources import (
    EFFECTS,
    GRAVE,
    Awaited,
    Effect,
    Tool,
    ToolChanged,
    ToolError,
    ToolFailed,
    ToolLater,
    ToolSource,
    ToolUse,
    principal_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

    from .log.logbook import Address
    from .models import Execution, ToolCall
    from .shell.waits import Arrived, Waits
    from .tools.toolbox import BoundTool
    from .turn.usage import Spent, Tally

__all__ = [
    "EFFECTS", "GRAVE", "LOOK_AGAIN_SECONDS",
    "Awaited", "CancelRequested", "Decision", "Effect", "Interrupted", "Question", "Reviewer", "RunFailed", "RunLater", "RunPauses",
    "RunWaits", "Startable", "Target", "TimedOut", "Tool", "ToolChanged", "ToolError", "ToolFailed", "ToolLater", "ToolSource", "ToolUse",
    "TurnEnds", "principal_of",
]  # fmt: skip

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Finished:
    """The run has ended with this output (a JSON value), with its `score` from 0 to 1 and the details of the score.

    `finish_reason` is why the model stopped: ``stop``, or ``length`` for a truncated answer.
    """

    output: Any
    score: float | None = None
    rubric_results: Any = None
    finish_reason: str | None = None


class Run(Protocol):
    """A run in progress, as its runner sees it."""

    @property
    def app(self) -> App:
        """The app of the worker."""

    @property
    def execution(self) -> Execution:
        """The record of the run, as of the beginning of its turn."""

    @property
    def number(self) -> int:
        """The number of the current or last step; the first is 1."""

    @property
    def address(self) -> Address:
        """The number and the path of that step."""

    @property
    def is_repeated(self) -> bool:
        """Whether the last step was completed in an earlier turn, and its result was replayed."""

    @property
    def used(self) -> Tally:
        """The usage of engines by the run so far, including judges."""

    def step(self, name: str, action: Callable[[], Any], *, asked: Any = None) -> Any:
        """Return the result (a JSON value) of a step: the recorded one if it finished before, otherwise that of `action`.

        The part of `name` before a colon is its kind, from which its path is made. The digest of `asked`, a JSON value, is stored, so that
        two steps can be compared by their inputs.

        Raises `CancelRequested`, `TimedOut` or `Interrupted` before the action if it must not start.
        """

    @property
    def now(self) -> datetime:
        """Return when it started, or its last step, sleep, signal, event or child ended: the same, however often the run is replayed."""

    def next_recorded(self) -> str | None:
        """Return the name of the next step, if it was completed in an earlier turn."""

    def times(self, name: str) -> int:
        """Return the number of steps of that name so far."""

    def also(self, write: Callable[[], object], *, is_progress: bool = False) -> None:
        """Call `write` in the transaction that records the current step; once, after previously given functions.

        With `is_progress` it records the end of something that is not repeated after a crash, as a step does: a run is given up after three
        crashes without progress.
        """

    def write_soon(self, write: Callable[[], object]) -> None:
        """Call `write` in the next transaction of the run, or in one of its own if the turn ends without any."""

    def log(
        self,
        event: str,
        message: str,
        *,
        path: str | None = None,
        level: str = "info",
        data: Any = None,
        content: str | None = None,
    ) -> None:
        """Add a line to the run's log; it is written with the current step, and refers to it, or to `path`.

        `message` and `data` say what happened. `content`, the words of models, tools, services or people, replaces `message` where the
        organization's log level is ``full``.
        """

    def check(self, *, closely: bool = True) -> None:
        """Raise `CancelRequested`, `TimedOut` or `Interrupted` if the run must stop.

        Pass `closely` before an effect; otherwise the database is queried at most five times a second.
        """

    def cancelled(self) -> bool:
        """Return whether the step must stop at once; `check` then has the reason."""

    def seconds_left(self) -> float:
        """Return the run's remaining time."""

    def limit_seconds(self, seconds: float | None) -> None:
        """Limit the run to this many seconds in total, without its waiting time."""

    def spend(self, spent: Spent) -> None:
        """Record an engine call: with the step that made it, or at the end of the turn if that step does not finish."""

    def spend_on_judge(self, spent: Spent) -> None:
        """Record a judge's call in the same way."""

    def effect(self, write: Callable[[], object]) -> None:
        """Call `write` in its own transaction, before the effect that it announces; the log and other pending writes are included.

        Raises `CancelRequested` if the run was ended meanwhile, and `LeaseLost`.
        """

    def flush(self) -> None:
        """Write the finished step, the log and the functions given to `also` now; `CancelRequested` if the run was ended meanwhile."""

    def sleep_until(self, path: str, moment: datetime) -> None:
        """Continue at that time. The `path` identifies the wait, which begins once, however often the run is replayed.

        Raises `RunWaits` until then, like the other waits: no thread is blocked meanwhile.
        """

    def wait_for_signal(self, path: str, name: str, *, correlation: str = "", deadline: datetime | None = None) -> Arrived:
        """Return the signal of that name and correlation, sent before or during the wait; ``timed_out`` if none came in time."""

    def wait_for_event(
        self, path: str, name: str, subject_id: str | None, *, since: datetime | None = None, deadline: datetime | None = None
    ) -> Arrived:
        """Return the first event of that name, or of a pattern such as ``teams.*``, `since` that time, or since this run was queued.

        It must have that subject; with None, any subject but this run. The status is ``timed_out`` if none came. The data are ``{"id",
        "name", "occurred_at", "subject_type", "subject_id", "data", "changes"}``.
        """

    def child(self, path: str, start: Callable[[Execution], Execution]) -> Callable[[], Arrived]:
        """Start another run once, with this one as its parent, through `start`; the result waits for its end.

        This allows starting several and then waiting for them. A child without a waiting parent is cancelled when this run ends.
        """

    def ask(self, question: Callable[[str], Question]) -> Decision | None:
        """Return people's decision on the question, which is created with its id as an argument; None where no plugin provides reviewers.

        Raises `RunPauses` until they have decided.
        """

    @property
    def waits(self) -> Waits:
        """Return what the run waits for, where there are several waits at once."""

    def tools(self, entries: Sequence[Mapping[str, Any]]) -> Sequence[BoundTool]:
        """Return the tools ``{"ref", "approval", "arguments"}`` that a definition names, in its order."""

    def call_tool(self, call: ToolCall, bound: BoundTool | None, *, longest: int = 16_384) -> Any:
        """Execute a recorded call, and return its result for the model: a JSON value, truncated to `longest` bytes.

        Raises `RunPauses` while it must wait.
        """


def _cannot_restart(*_: Any) -> Any:
    raise Refused("invalid_state", "A run of this kind cannot be repeated; start a new one.")


@dataclass(frozen=True)
class Runner:
    """The runner of executions of one `kind`.

    The worker calls `run` with the run, from its beginning after each pause or crash. Everything that has an effect, or may differ on
    replay, belongs in `Run.step`, which returns the recorded result instead of repeating it. `most_at_once` returns how many executions of
    the same subject may run concurrently; None is no limit. It depends only on the execution's subject and version, because nothing else is
    known when it is admitted.

    `check_start` may refuse an execution before it is queued, with Refused. `restart(execution, principal, same_version)` starts a run like
    that ended one; Refused where the principal may not. `halted_since` returns a query for the row of an execution, of one text column:
    since when its subject is halted, null where it is not; None means never. `refusals` are the error codes of `check_start` and `restart`
    besides ``invalid_state``.
    """

    foreseen: ClassVar = (TurnEnds, Refused)
    unhurried: ClassVar = ("run",)

    kind: str
    run: Callable[[Run], Finished]
    most_at_once: Callable[[Execution], int | None] = lambda execution: None
    check_start: Callable[[Execution], object] = lambda execution: None
    restart: Callable[[Execution, Principal, bool], Execution] = _cannot_restart
    halted_since: Callable[[], Any] | None = None
    refusals: Sequence[str] = ()


@hookspec
def runners(app: App) -> Sequence[Runner]:
    """Return the plugin's runners, one per kind of execution."""
    raise AssertionError("a hook specification is never called")


@hookspec
def startables(app: App) -> Sequence[Startable]:
    """Return the types of objects that other plugins can start runs of."""
    raise AssertionError("a hook specification is never called")


@hookspec
def reviewers(app: App) -> Sequence[Reviewer]:
    """Return the reviewers, which put the questions of runs to people and know their decisions.

    A run that asks pauses, and continues when `service.resume` is called in the transaction of the decision. Without a reviewer, tool calls
    that require approval are refused.
    """
    raise AssertionError("a hook specification is never called")


@dataclass(frozen=True)
class Keeper:
    """Stores data about executions in a plugin's own tables.

    `empty` deletes contents, such as quotations of inputs and outputs, and `forget` everything. Both are called with the ids of up to a few
    hundred executions, in the transaction that does the same to these, and in the scope of their organization. `counts_since`, in the same
    scope, is the time from which the plugin counts executions: none that began later is deleted yet. `note` is called as `forget` is, but
    before any plugin deletes anything, so that a plugin can count what is about to be deleted.
    """

    foreseen: ClassVar = ()

    name: str
    empty: Callable[[Sequence[str]], object]
    forget: Callable[[Sequence[str]], object]
    counts_since: Callable[[], datetime | None] = lambda: None
    note: Callable[[Sequence[str]], object] = lambda ids: None


@hookspec
def keepers(app: App) -> Sequence[Keeper]:
    """Return the stores of data about executions, which is deleted when the organization's retention ends."""
    raise AssertionError("a hook specification is never called")


@hookspec
def tools(app: App) -> Sequence[ToolSource]:
    """Return the plugin's kinds of tools for runs of agents and workflows.

    A call is recorded before it is made, so that after a crash it is known what may have happened; see `Tool.idempotent`. Tools with the
    effect ``delete``, ``pay``, ``send`` or ``grant`` require approval unless the agent is configured otherwise. A tool's result is data for
    the model: it is truncated to 16 kB, and never used as a template, a path or an address.
    """
    raise AssertionError("a hook specification is never called")
