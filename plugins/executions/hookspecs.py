"""What the feature executions offers to other plugins: running things durably, putting questions to people, judging results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from aasim_core.errors import Refused

if TYPE_CHECKING:
    from aasim_core.app import App

    from .models import Execution
    from .run import Run

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Finished:
    """The run is over, and this is its output (a JSON value), with its `score` from 0 to 1 and what it was made of."""

    output: Any
    score: float | None = None
    rubric_results: Any = None


def _nothing() -> None:
    """There is nothing more to write."""


def _not_yet() -> bool:
    return False


class RunPauses(Exception):
    """Raised by a runner, also from within a step, whose run waits for ``approval``, ``time`` or ``event`` without holding a thread.

    `service.resume` lets it go on: the runner begins anew, and so does the step that was not finished. `enter` is called in the
    transaction that makes the run wait, so that what it writes is there exactly if the run waits. `is_over`, asked last in that
    transaction, says whether what is waited for has come meanwhile; then the run goes on at once.
    """

    def __init__(
        self,
        waiting_for: Literal["approval", "time", "event"],
        enter: Callable[[], object] = _nothing,
        is_over: Callable[[], bool] = _not_yet,
    ) -> None:
        super().__init__(waiting_for)
        self.waiting_for, self.enter, self.is_over = waiting_for, enter, is_over


class RunFailed(Exception):
    """The run cannot go on: `code` for programs, `message` for people, `meta` with facts; `retryable` if a new run may succeed."""

    def __init__(self, code: str, message: str, *, retryable: bool = False, meta: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retryable, self.meta = code, message, retryable, meta

    @classmethod
    def by(cls, refused: Refused) -> RunFailed:
        """The failure of a run that was refused something, such as the call of an engine; there may be more of it later."""
        [[problem, *_], *_] = refused.problems.values()
        return cls(refused.code, refused.message, retryable=True, meta=problem.meta)


class RunLater(Exception):
    """The run goes on later, after `seconds`, from the last finished step; `reason` goes into its log."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds, self.reason = seconds, reason


@dataclass(frozen=True)
class Runner:
    """How executions of one `kind` run.

    `run` is called by the worker with the run, from its beginning after each pause or crash. Everything that has an effect or may
    differ the next time is done in `Run.step`, which returns the recorded result instead of doing it again. `most_at_once` says how
    many executions of what this one runs may run at the same time; None is no limit. It goes by what an execution runs, and its version:
    of one that begins, nothing else is known yet.
    """

    kind: str
    run: Callable[[Run], Finished]
    most_at_once: Callable[[Execution], int | None] = lambda execution: None


@hookspec
def runners(app: App) -> Sequence[Runner]:
    """Return the kinds of executions that the plugin runs."""
    raise AssertionError("a hook specification is never called")


@dataclass(frozen=True)
class Question:
    """What people are to decide before a run goes on.

    `kind`: ``tool_call``, may this be done; ``unknown_outcome``, did this happen before the crash; ``result``, may this count as the
    result. `action` is the JSON value that is decided on: the ref and the arguments of a tool, or the output. `id` is given by whoever
    opens the question, and names it from then on. `requested_by` is the user who started the run. `is_asked` says that the agent, the
    tool's effect or the rubric asks for it already. `schema` is the JSON Schema that the arguments, or the output, must meet as they are
    edited; None is any.
    """

    id: str
    kind: Literal["tool_call", "unknown_outcome", "result"]
    execution: Execution
    step: int
    title: str
    summary: str
    action: Mapping[str, Any]
    requested_by: str
    is_asked: bool
    risk: Literal["low", "medium", "high"] = "medium"
    effect: str | None = None
    verdict: str | None = None
    schema: Any = None


@dataclass(frozen=True)
class Decision:
    """What people decided: `action` is what they approved, with their edits, and exactly what is done then."""

    approved: bool
    action: Mapping[str, Any]
    comment: str
    by: str | None


@dataclass(frozen=True)
class Reviewer:
    """Whoever puts questions to people; one plugin of an installation is it.

    `asks` says whether the organization wants the question to be put although nothing else asks for it. `open` puts it, in the running
    transaction; putting it again changes nothing. `decision` is None as long as the question is open, or was never put.
    """

    name: str
    asks: Callable[[Question], bool]
    open: Callable[[Question], object]
    decision: Callable[[str], Decision | None]


@hookspec
def reviewers(app: App) -> Sequence[Reviewer]:
    """Return who puts the questions of runs to people, and knows what they decided.

    A run that asks pauses, and goes on when `service.resume` is called in the transaction of the decision. Without a reviewer, what
    needs an approval is refused.
    """
    raise AssertionError("a hook specification is never called")


@dataclass(frozen=True)
class Assessment:
    """How good a result is: `score` from 0 to 1, None if nothing could be scored; `results` is what it was made of, a JSON value.

    What fails is only kept (``record``), put to people (``approval``), refused (``fail``), or answered with `feedback` to the model,
    which then tries again (``retry``).
    """

    verdict: Literal["pass", "review", "fail", "unscored"]
    score: float | None
    results: Any
    on_fail: Literal["record", "approval", "fail", "retry"] = "record"
    feedback: str = ""


@dataclass(frozen=True)
class Assessor:
    """Whoever judges the results of agents. `concerns(execution, definition)` says cheaply whether it has anything to say.

    `assess` is called once for a result, outside of transactions, and may raise Refused, which ends the run, or `EngineError`, after which
    the run goes on later where that may help; `record` writes what it keeps of it, in the step's transaction.
    """

    name: str
    concerns: Callable[[Execution, Mapping[str, Any]], bool]
    assess: Callable[[Run, Mapping[str, Any], Any], Assessment]
    record: Callable[[Execution, Assessment], object]


@hookspec
def assessors(app: App) -> Sequence[Assessor]:
    """Return who judges what agents answer, before it counts as the result of the run."""
    raise AssertionError("a hook specification is never called")


@dataclass(frozen=True)
class Keeper:
    """Whoever keeps something of executions beside them.

    `empty` deletes what was said in them, such as quotations of their inputs and outputs, and `forget` everything. Both are called with the
    ids of up to a few hundred executions, in the transaction that does the same to these, and in the scope of their organization.
    """

    name: str
    empty: Callable[[Sequence[str]], object]
    forget: Callable[[Sequence[str]], object]


@hookspec
def keepers(app: App) -> Sequence[Keeper]:
    """Return who keeps something of executions, which goes when the organization keeps it no longer."""
    raise AssertionError("a hook specification is never called")
