"""Scoring every result of an agent, and running agents for evaluations, where the plugin executions is on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.access.pulse import remembered
from aasim_core.data import records

from ..engines import service as engines
from ..engines.hookspecs import Cancelled, Payer
from ..engines.models import Engine
from ..executions import service as executions
from ..executions.hookspecs import Assessment, Assessor, Keeper
from ..executions.models import Execution
from . import labels, scoring, with_agents
from .models import Evaluation, Rubric
from .verdict import worst

if TYPE_CHECKING:
    from aasim_core.app import App

#: The rubrics by which to score the results of an engine's agent, with those that the agent names.
_Rubrics = Callable[[str | None, Sequence[str]], Sequence[Rubric]]
#: What starts the runs of evaluations, which score them themselves.
TRIGGER = "evaluation"
#: The stronger one is taken where several rubrics fail.
_BY_STRENGTH = ("record", "retry", "approval", "fail")
_LONGEST_FEEDBACK = 4_000


def assessor(app: "App") -> Assessor:
    """Who scores results by the active rubrics of the agent's engine, and by those that the agent names."""
    rubrics = remembered(app, partial(_rubrics, app))
    return Assessor("rubrics", concerns=partial(_concerns, rubrics), assess=partial(_assess, app, rubrics), record=_record)


def keeper() -> Keeper:
    """Scores are kept as long as the runs that they are of; what they quote, as long as what was said."""
    return Keeper("rubrics", empty=labels.empty, forget=labels.forget)


def _concerns(rubrics: _Rubrics, execution: Execution, definition: Mapping[str, Any]) -> bool:
    """Whether there is any rubric to score by."""
    if execution.trigger.get("type") == TRIGGER:
        return False
    return bool(_chosen(rubrics, definition))


def _chosen(rubrics: _Rubrics, definition: Mapping[str, Any]) -> Sequence[Rubric]:
    return rubrics(definition["engine_id"], tuple(definition["rubric_ids"]))


def _rubrics(app: "App", engine_id: str | None, rubric_ids: Sequence[str]) -> Sequence[Rubric]:
    """The active rubrics of the engine, or of the built-in one, and those of these ids, in the order in which they were made."""
    built_in = Engine.select(Engine.id).where(Engine.built_in_of == engines.default_provider(app))
    of_engine = Rubric.engine_id.in_(built_in) if engine_id is None else Rubric.engine_id == engine_id
    active = Rubric.select().where(of_engine | Rubric.id.in_(rubric_ids), Rubric.active, Rubric.deleted_at.is_null())
    return list(active.order_by(Rubric.created_at, Rubric.id))


def _assess(app: "App", rubrics: _Rubrics, run: Any, definition: Mapping[str, Any], output: Any) -> Assessment:
    work = scoring.Work(run.execution.input, output)
    patience = scoring.Patience(
        check=partial(run.check, closely=False),
        should_cancel=run.cancelled,
        payer=executions.payer_of(run.execution, run.number),
        seconds_left=run.seconds_left,
        waits=True,
    )
    try:
        results = [scoring.score(app, rubric, work, patience=patience) for rubric in _chosen(rubrics, definition)]
    except Cancelled:
        run.check()
        raise
    return assessment_of(results)


def assessment_of(results: list[dict[str, Any]]) -> Assessment:
    """What several rubrics say together: the worst verdict, the mean score, and the strongest consequence of those that fail."""
    if not results:
        return Assessment("unscored", None, [])
    scores = [result["score"] for result in results if result["score"] is not None]
    failed = [result for result in results if result["verdict"] == "fail"]
    return Assessment(
        verdict=worst([result["verdict"] for result in results]),
        score=round(sum(scores) / len(scores), 6) if scores else None,
        results=results,
        on_fail=max((result["on_fail"] for result in failed), key=_BY_STRENGTH.index, default="record"),
        feedback=_feedback(failed),
    )


def _feedback(failed: list[dict[str, Any]]) -> str:
    lines = [
        f"{result['name']}: {each['key']}: {each['reason']}"
        for result in failed
        for each in result["criteria"]
        if each["verdict"] == "fail"
    ]
    return "\n".join(lines)[:_LONGEST_FEEDBACK]


def _record(execution: Execution, assessment: Assessment) -> None:
    for result in assessment.results:
        labels.keep(result, origin_of(execution))


def origin_of(execution: Execution, evaluation_id: str | None = None) -> labels.Origin:
    """What is kept of a run with the scores of its result."""
    return labels.Origin(execution.id, execution.agent_id, execution.agent_version, execution.project_id, evaluation_id)


def start(app: "App", evaluation: Evaluation, given: Any) -> str:
    """Queue a run of the evaluated version of the agent, in the running transaction; returns its id. Refused as any run may be."""
    agent = with_agents.find_live(evaluation.agent_id)
    trigger = {"type": TRIGGER, "id": evaluation.id}
    execution = executions.start_agent(
        app,
        agent,
        given,
        evaluation.author_id,
        number=evaluation.agent_version,
        trigger=trigger,
        api_key_id=evaluation.api_key_id,
    )
    return str(execution.id)


def payer_of(execution: Execution) -> Payer:
    """For whom a judge is asked about the output of a run that is over."""
    return replace(executions.payer_of(execution), execution_id=None)


@dataclass(frozen=True)
class Ended:
    """A run that is over: with an output, or why it has none."""

    execution: Execution | None
    error: dict[str, Any] | None = None


def ended(execution_id: str) -> Ended | None:
    """The run, if it is over; one that is not there any more is."""
    execution: Execution | None = records.find_or_none(Execution, execution_id)
    if execution is None:
        return Ended(None, {"code": "not_found", "message": "The run is not there any more."})
    if execution.finished_at is None:
        return None
    if execution.status == "succeeded":
        return Ended(execution)
    error = execution.error or {"code": execution.status, "message": f"The run was {execution.status.replace('_', ' ')}."}
    return Ended(execution, {name: error[name] for name in ("code", "message")})
