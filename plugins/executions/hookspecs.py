"""What the feature executions offers to other plugins: running things durably, tools, and putting questions to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

from aasim_core.errors import Refused

from .interruptions import CancelRequested, Interrupted, RunFailed, RunLater, RunPauses, RunWaits, TimedOut, TurnEnds
from .reviewers import Decision, Question, Reviewer
from .startables import Startable, Target
from .tool_sources import (
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
)

if TYPE_CHECKING:
    from datetime import datetime

    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

    from .logbook import Address
    from .models import Execution, ToolCall
    from .shell.waits import Arrived, Waits
    from .toolbox import BoundTool
    from .usage import Spent, Tally

__all__ = [
    "EFFECTS", "GRAVE",
    "Awaited", "CancelRequested", "Decision", "Effect", "Interrupted", "Question", "Reviewer", "RunFailed", "RunLater", "RunPauses",
    "RunWaits", "Startable", "Target", "TimedOut", "Tool", "ToolChanged", "ToolError", "ToolFailed", "ToolLater", "ToolSource", "ToolUse",
    "TurnEnds",
]  # fmt: skip

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Finished:
    """The run is over, and this is its output (a JSON value), with its `score` from 0 to 1 and what it was made of.

    `finish_reason` is why the model stopped: ``stop``, or ``length`` for an answer that was cut off.
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
        """The record of the run, as it was when its turn began."""

    @property
    def number(self) -> int:
        """The number of the step that is being done or was done last; the first is 1."""

    @property
    def address(self) -> Address:
        """The number and the path of that step."""

    @property
    def is_repeated(self) -> bool:
        """Whether the last step had been done in an earlier turn, and its result was read back."""

    @property
    def used(self) -> Tally:
        """What engines took for the run so far, judges included."""

    def step(self, name: str, action: Callable[[], Any], *, asked: Any = None) -> Any:
        """The result (a JSON value) of a step: as recorded, if it finished before, or else of `action`.

        What stands before a colon in the `name` is its kind, of which its path is made. Of what is `asked`, a JSON value, the digest is
        kept, so that it shows whether two steps were asked the same.

        Raises `CancelRequested`, `TimedOut` or `Interrupted` before the action when it must not start.
        """

    def next_recorded(self) -> str | None:
        """The name of the step that comes next, if that was done in an earlier turn."""

    def times(self, name: str) -> int:
        """How many steps of that name there were so far."""

    def also(self, write: Callable[[], object]) -> None:
        """Call `write` in the transaction that writes the step that is being done; once, after what was given before."""

    def write_soon(self, write: Callable[[], object]) -> None:
        """Call `write` in the next transaction of the run, or in one of its own where the turn ends without any."""

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
        """Add a line to the run's log; it is written with the step that it belongs to, and is about that, or what has the `path`.

        `message` and `data` say what happened; `content`, what models, tools, services or people said, stands instead of `message`
        where the organization's log level is ``full``.
        """

    def check(self, *, closely: bool = True) -> None:
        """Raise `CancelRequested`, `TimedOut` or `Interrupted` if the run must not go on.

        Before an effect it is looked at `closely`, else the database is asked at most five times a second.
        """

    def cancelled(self) -> bool:
        """Whether the step must stop at once, for which `check` then has the reason."""

    def seconds_left(self) -> float:
        """How long the run may still take."""

    def limit_seconds(self, seconds: float | None) -> None:
        """Allow the run at most so many seconds in all, without the time that it waits."""

    def spend(self, spent: Spent) -> None:
        """Count a call of an engine: with the step that asked, or with the end of the turn where that step does not finish."""

    def spend_on_judge(self, spent: Spent) -> None:
        """The same for the call of a judge."""

    def effect(self, write: Callable[[], object]) -> None:
        """Call `write` in a transaction of its own, before the effect that it tells of; the log goes with it, and what no step is for.

        Raises `CancelRequested` where the run was ended meanwhile, and `LeaseLost`.
        """

    def flush(self) -> None:
        """Write the finished step, the log and what `also` was given now; `CancelRequested` where the run was ended meanwhile."""

    def sleep_until(self, path: str, moment: datetime) -> None:
        """Go on at that moment. The `path` names the wait: it begins once, however often the run comes by.

        Raises `RunWaits` until then, as the other waits do: no thread is held meanwhile.
        """

    def wait_for_signal(self, path: str, name: str, *, correlation: str = "", deadline: datetime | None = None) -> Arrived:
        """The signal of that name and correlation that somebody sends the run, or has sent it; ``timed_out`` where none came in time."""

    def wait_for_event(
        self, path: str, name: str, subject_id: str | None, *, since: datetime | None = None, deadline: datetime | None = None
    ) -> Arrived:
        """The first event of that name, or of a pattern such as ``teams.*``, `since` then, or since this run was queued.

        It is about that subject; where that is None, about any but this run. The status is ``timed_out`` where none came.
        Its data are ``{"id", "name", "occurred_at", "subject_type", "subject_id", "data", "changes"}``.
        """

    def child(self, path: str, start: Callable[[Execution], Execution]) -> Callable[[], Arrived]:
        """Start another run once, with this one as its parent, as `start` does; what is returned waits for its end.

        So several can be started first, and then waited for. A child that is not waited for is cancelled when this run ends.
        """

    def ask(self, question: Callable[[str], Question]) -> Decision | None:
        """What people decided on the question, which is made with the id that it is to have; None where no plugin asks people.

        Raises `RunPauses` until they have decided.
        """

    @property
    def waits(self) -> Waits:
        """What the run waits for, where that is many things at once."""

    def tools(self, entries: Sequence[Mapping[str, Any]]) -> Sequence[BoundTool]:
        """The tools ``{"ref", "approval", "arguments"}`` that a definition names, in its order."""

    def call_tool(self, call: ToolCall, bound: BoundTool | None, *, longest: int = 16_384) -> Any:
        """Carry out a recorded call, and return what is told of it: a JSON value, cut off after `longest` bytes.

        Raises `RunPauses` while it has to wait.
        """


def _cannot_restart(*_: Any) -> Any:
    raise Refused("invalid_state", "A run of this kind cannot be repeated; start a new one.")


@dataclass(frozen=True)
class Runner:
    """How executions of one `kind` run.

    `run` is called by the worker with the run, from its beginning after each pause or crash. Everything that has an effect or may
    differ the next time is done in `Run.step`, which returns the recorded result instead of doing it again. `most_at_once` says how
    many executions of what this one runs may run at the same time; None is no limit. It goes by what an execution runs, and its version:
    of one that begins, nothing else is known yet.

    `check_start` may refuse an execution that is to be queued, with Refused. `restart(execution, principal, same_version)` starts a run
    like that one, which is over; Refused where the principal may not. `halted_since` is a query for the row of an
    execution, of one text column: since when what it runs is halted, null where it is not; None is never. `refusals` are the error codes
    of `check_start` and `restart` besides ``invalid_state``.
    """

    kind: str
    run: Callable[[Run], Finished]
    most_at_once: Callable[[Execution], int | None] = lambda execution: None
    check_start: Callable[[Execution], object] = lambda execution: None
    restart: Callable[[Execution, Principal, bool], Execution] = _cannot_restart
    halted_since: Callable[[], Any] | None = None
    refusals: Sequence[str] = ()


@hookspec
def runners(app: App) -> Sequence[Runner]:
    """Return the kinds of executions that the plugin runs."""
    raise AssertionError("a hook specification is never called")


@hookspec
def startables(app: App) -> Sequence[Startable]:
    """Return the types of objects that other plugins can start runs of."""
    raise AssertionError("a hook specification is never called")


@hookspec
def reviewers(app: App) -> Sequence[Reviewer]:
    """Return who puts the questions of runs to people, and knows what they decided.

    A run that asks pauses, and goes on when `service.resume` is called in the transaction of the decision. Without a reviewer, what
    needs an approval is refused.
    """
    raise AssertionError("a hook specification is never called")


@dataclass(frozen=True)
class Keeper:
    """Whoever keeps something of executions beside them.

    `empty` deletes what was said in them, such as quotations of their inputs and outputs, and `forget` everything. Both are called with the
    ids of up to a few hundred executions, in the transaction that does the same to these, and in the scope of their organization.
    `counts_since`, in the same scope, is from when on it counts executions: none that began later is forgotten yet.
    """

    name: str
    empty: Callable[[Sequence[str]], object]
    forget: Callable[[Sequence[str]], object]
    counts_since: Callable[[], datetime | None] = lambda: None


@hookspec
def keepers(app: App) -> Sequence[Keeper]:
    """Return who keeps something of executions, which goes when the organization keeps it no longer."""
    raise AssertionError("a hook specification is never called")


@hookspec
def tools(app: App) -> Sequence[ToolSource]:
    """Return the kinds of tools that the plugin brings for runs, of agents and of workflows.

    A call is recorded before it is made, so that after a crash it is known what may have happened; see `Tool.idempotent`. Tools whose
    effect is ``delete``, ``pay``, ``send`` or ``grant`` are put to people first, unless the agent says otherwise. What a tool returns is
    data for the model: it is cut to 16 kB, and never becomes a template, a path or an address.
    """
    raise AssertionError("a hook specification is never called")
