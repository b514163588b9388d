"""Score every result of an agent, and run agents for evaluations, if the plugin agents is enabled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core import Request
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.tenancy.organization_state import cached

from ..agents import service as agents
from ..agents.hookspecs import Assessment, Assessor
from ..agents.models import Agent
from ..engines import service as engines
from ..engines.hookspecs import Cancelled, Payer
from ..engines.models import Engine
from ..executions.models import Execution
from . import labels, scoring, with_executions
from .models import ACTIVE, ALL, Evaluation, Rubric
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
    rubrics = cached(app.organization_states, partial(_rubrics, app))
    return Assessor("rubrics", concerns=partial(_concerns, rubrics), assess=partial(_assess, app, rubrics), record=_record)


def _concerns(rubrics: _Rubrics, execution: Execution, definition: Mapping[str, Any]) -> bool:
    """Whether there is any rubric to score by."""
    if execution.trigger.get("type") == TRIGGER:
        return False
    return bool(_chosen(rubrics, definition))


def _chosen(rubrics: _Rubrics, definition: Mapping[str, Any]) -> Sequence[Rubric]:
    return rubrics(definition["engine_id"], tuple(definition["rubric_ids"]))


def _rubrics(app: "App", engine_id: str | None, rubric_ids: Sequence[str]) -> Sequence[Rubric]:
    """The active rubrics for all agents of the engine, or of the built-in one, and those of these ids, as they were made."""
    built_in = Engine.select(Engine.id).where(Engine.built_in_of == engines.default_provider(app))
    of_engine = Rubric.engine_id.in_(built_in) if engine_id is None else Rubric.engine_id == engine_id
    concerned = of_engine & (Rubric.applies_to == ALL) | Rubric.id.in_(rubric_ids)
    active = Rubric.select().where(concerned, Rubric.status == ACTIVE, Rubric.deleted_at.is_null())
    return list(active.order_by(Rubric.created_at, Rubric.id))


def _assess(app: "App", rubrics: _Rubrics, run: Any, definition: Mapping[str, Any], output: Any) -> Assessment:
    work = scoring.Work(run.execution.input, output)
    patience = scoring.Patience(
        check=partial(run.check, closely=False),
        should_cancel=run.cancelled,
        payer=agents.payer_of(run.execution, *run.address),
        on_spent=run.spend_on_judge,
        write_soon=run.write_soon,
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
        labels.keep(result, with_executions.origin_of(execution))


def find_runnable(req: Request, agent_id: str, number: int | None) -> tuple[Agent, int]:
    """Return the agent and the number of its version; Invalid if it is not visible to the caller, Refused if they may not run it."""
    try:
        agent = agents.find_visible(agent_id, req.principal.user_id)
    except Refused:
        agent = None
    if agent is None or not agents.allows(req.rights, "agents:read", agent, req.principal.user_id):
        raise Invalid({"agent_id": [Problem("invalid_reference", "There is no such agent.")]})
    if not agents.allows(req.rights, "agents:execute", agent, req.principal.user_id):
        raise Refused("permission_denied", "This needs the permission agents:execute.", meta={"permission": "agents:execute"})
    agents.refuse_unless_runnable(agent)
    agents.definition_at(agent, number or agent.agent_version)
    return agent, number or agent.agent_version


def start(app: "App", evaluation: Evaluation, given: Any) -> str:
    """Queue a run of the evaluated version of the agent, in the running transaction; returns its id. Refused as any run may be."""
    agent = agents.find_live(evaluation.agent_id)
    trigger = {"type": TRIGGER, "id": evaluation.id}
    execution = agents.start(
        app,
        agent,
        given,
        evaluation.created_by,
        number=evaluation.agent_version,
        trigger=trigger,
        chain=[evaluation.id],
        api_key_id=evaluation.api_key_id,
    )
    return str(execution.id)


def payer_of(execution: Execution) -> Payer:
    """Return on whose behalf a judge is called about the output of an ended run."""
    return replace(agents.payer_of(execution), execution_id=None)
