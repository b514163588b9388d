"""What the feature executions offers to other plugins: running things of their own, durably."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from aasim_core.app import App

    from .models import Execution
    from .run import Run

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Finished:
    """The run is over, and this is its output (a JSON value)."""

    output: Any


@dataclass(frozen=True)
class Paused:
    """The run waits for ``approval``, ``time`` or ``event`` without holding a thread; somebody resumes it."""

    waiting_for: str


class RunFailed(Exception):
    """The run cannot go on: `code` for programs, `message` for people; `retryable` if a new run may succeed."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.retryable = code, message, retryable


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
    many executions of what this one runs may run at the same time; None is no limit.
    """

    kind: str
    run: Callable[[Run], Finished | Paused]
    most_at_once: Callable[[Execution], int | None] = lambda execution: None


@hookspec
def runners(app: App) -> Sequence[Runner]:
    """Return the kinds of executions that the plugin runs."""
    raise AssertionError("a hook specification is never called")
