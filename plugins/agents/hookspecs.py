"""The hook of the plugin agents: assessors, which judge an agent's results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pluggy

from aasim_core.errors import Refused

from ..engines.hookspecs import Cancelled, EngineError
from ..executions.hookspecs import TurnEnds

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..executions.hookspecs import Run
    from ..executions.models import Execution

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Assessment:
    """The judgement of a result: `score` from 0 to 1, None if nothing could be scored; `results` are its details, a JSON value.

    A failed result is only recorded (``record``), requires approval (``approval``), is refused (``fail``), or returns `feedback` to the
    model, which then tries again (``retry``).
    """

    verdict: Literal["pass", "review", "fail", "unscored"]
    score: float | None
    results: Any
    on_fail: Literal["record", "approval", "fail", "retry"] = "record"
    feedback: str = ""


@dataclass(frozen=True)
class Assessor:
    """A judge of agents' results. `concerns(execution, definition)` returns, cheaply, whether it applies.

    `assess` is called once per result, outside of transactions. It may raise Refused, which ends the run, or `EngineError`, after which the
    run is retried later if that may help. `record` writes the assessor's own records, in the step's transaction.
    """

    foreseen: ClassVar = (TurnEnds, Refused, EngineError, Cancelled)
    unhurried: ClassVar = ("assess",)

    name: str
    concerns: Callable[[Execution, Mapping[str, Any]], bool]
    assess: Callable[[Run, Mapping[str, Any], Any], Assessment]
    record: Callable[[Execution, Assessment], object]


@hookspec
def assessors(app: App) -> Sequence[Assessor]:
    """Return the assessors that judge agents' results before they become the result of the run."""
    raise AssertionError("a hook specification is never called")
