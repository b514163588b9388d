"""What the feature agents offers to other plugins: judging what agents answer."""

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

    foreseen: ClassVar = (TurnEnds, Refused, EngineError, Cancelled)

    name: str
    concerns: Callable[[Execution, Mapping[str, Any]], bool]
    assess: Callable[[Run, Mapping[str, Any], Any], Assessment]
    record: Callable[[Execution, Assessment], object]


@hookspec
def assessors(app: App) -> Sequence[Assessor]:
    """Return who judges what agents answer, before it counts as the result of the run."""
    raise AssertionError("a hook specification is never called")
