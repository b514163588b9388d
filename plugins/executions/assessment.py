"""Judging what an agent answered, before it counts as the result of the run."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from aasim_core.errors import Refused
from aasim_core.ids import new_id

from . import outputs
from .hookspecs import Assessment, Assessor, Finished, Question, RunFailed
from .questions import decided, put, reviewer_of
from .run import Run

#: How often a result that fails is given back to the model.
_MOST_RETRIES = 2
_STEP = "assess"


def assess(run: Run, definition: Mapping[str, Any], output: Any) -> Finished | str:
    """The result, with its score, or what the model is told to do better. Raises RunFailed, or `RunPauses` while people decide."""
    finished = Finished(output)
    for assessor in run.app.offers("assessors").values():
        if not assessor.concerns(run.execution, definition):
            continue
        found = run.step(_STEP, partial(_judge, run, assessor, definition, finished.output))
        assessment = Assessment(**found)
        judged = _judged(run, assessment, definition, finished.output)
        if isinstance(judged, str):
            return judged
        finished = judged
    return finished


def _judge(run: Run, assessor: Assessor, definition: Mapping[str, Any], output: Any) -> dict[str, Any]:
    try:
        assessment = assessor.assess(run, definition, output)
    except Refused as refused:
        raise RunFailed.by(refused) from refused
    run.also(lambda: assessor.record(run.execution, assessment))
    data = {"verdict": assessment.verdict, "score": assessment.score}
    run.log("result_scored", "The result was scored.", data=data, level="info" if assessment.verdict == "pass" else "warning")
    return asdict(assessment)


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
    reviewer = reviewer_of(run.app)
    if reviewer is None:
        raise RunFailed("approvals_unavailable", "The result needs an approval, and the plugin that asks people is off.")
    question_id = run.step("ask", lambda: new_id("approval"))
    if not run.is_repeated:
        question = replace(_question(run, question_id, assessment, output), schema=definition["output_schema"])
        raise put(reviewer, question, lambda: None)
    decision = decided(reviewer, question_id)
    if not decision.approved:
        raise RunFailed("result_rejected", f"A person rejected the result: {decision.comment}")
    return outputs.approved(definition, decision.action["output"])


def _question(run: Run, question_id: str, assessment: Assessment, output: Any) -> Question:
    return Question(
        id=question_id,
        kind="result",
        execution=run.execution,
        step=run.number,
        title="May this count as the result?",
        summary=assessment.feedback[:500],
        action={"output": output},
        requested_by=run.execution.initiator_id or "",
        is_asked=True,
        verdict=assessment.verdict,
    )
