"""Assess an agent's answer before it becomes the result of the run."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from aasim_core.errors import Refused

from ...engines.hookspecs import EngineError
from ...executions.hookspecs import Finished, Question, Run, RunFailed
from ..hookspecs import Assessment, Assessor
from . import outputs
from .engine_failures import later_or_never

#: How often a result that fails is given back to the model.
_MOST_RETRIES = 2
_STEP = "assess"


def assess(run: Run, definition: Mapping[str, Any], output: Any) -> Finished | str:
    """Return the result with its score, or the feedback for the model. Raises RunFailed, or `RunPauses` while people decide."""
    finished, judged_by = Finished(output), set[str]()
    while (judge := _next(run, definition, finished.output, judged_by)) is not None:
        found = dict(run.step(_STEP, judge))
        judged_by.add(found.pop("by", ""))
        judged = _judged(run, Assessment(**found), definition, finished.output)
        if isinstance(judged, str):
            return judged
        finished = judged
    return finished


def _next(run: Run, definition: Mapping[str, Any], output: Any, judged_by: Collection[str]) -> Callable[[], Any] | None:
    """What judges next, if anything does: as in an earlier turn, whatever concerns anybody by now, or else whom the result concerns."""
    recorded = run.next_recorded()
    if recorded is not None:
        return _nothing if recorded == _STEP else None
    for name, assessor in run.app.offers.here("assessors").items():
        if name not in judged_by and assessor.concerns(run.execution, definition):
            return partial(_judge, run, assessor, definition, output)
    return None


def _nothing() -> None:
    """What was judged in an earlier turn is read back."""


def _judge(run: Run, assessor: Assessor, definition: Mapping[str, Any], output: Any) -> dict[str, Any]:
    try:
        assessment = assessor.assess(run, definition, output)
    except Refused as refused:
        raise RunFailed.by(refused) from refused
    except EngineError as error:
        run.check()
        raise later_or_never(run, error) from error
    run.also(lambda: assessor.record(run.execution, assessment))
    data = {"verdict": assessment.verdict, "score": assessment.score}
    run.log("result_scored", "The result was scored.", data=data, level="info" if assessment.verdict == "pass" else "warning")
    return {**asdict(assessment), "by": assessor.name}


def _judged(run: Run, assessment: Assessment, definition: Mapping[str, Any], output: Any) -> Finished | str:
    finished = Finished(output, assessment.score, assessment.results)
    if assessment.verdict != "fail" or assessment.on_fail == "record":
        return finished
    if assessment.on_fail == "approval":
        return replace(finished, output=_approved(run, assessment, definition, output))
    if assessment.on_fail == "retry" and run.times(_STEP) <= _MOST_RETRIES:
        return assessment.feedback
    raise RunFailed(
        "result_not_good_enough", f"The result did not pass its rubrics. {assessment.feedback}".strip(), retryable=True
    )


def _approved(run: Run, assessment: Assessment, definition: Mapping[str, Any], output: Any) -> Any:
    """The output as people approved it, perhaps edited; raises RunFailed where they did not, or where it is none of the agent."""
    decision = run.ask(lambda question_id: _question(run, question_id, assessment, definition, output))
    if decision is None:
        raise RunFailed("approvals_unavailable", "The result requires approval, but the plugin for approvals is disabled.")
    if not decision.approved:
        raise RunFailed("result_rejected", f"A person rejected the result: {decision.comment}")
    return outputs.approved(definition, decision.action["output"])


def _question(run: Run, question_id: str, assessment: Assessment, definition: Mapping[str, Any], output: Any) -> Question:
    return Question(
        id=question_id,
        kind="result",
        execution=run.execution,
        step=run.number,
        path=run.address.path,
        title=f"May this count as the result of {run.execution.label or 'the agent'}?",
        summary=assessment.feedback[:500],
        action={"output": output},
        initiator_id=run.execution.initiator_id or "",
        is_asked=True,
        verdict=assessment.verdict,
        schema=definition["output_schema"],
    )
