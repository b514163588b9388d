"""The rubric gate, if the plugin rubrics is enabled: an agent is listed only if it passes the rubrics that it names."""

from typing import Any

from aasim_core.data import records

from ..agents import service as agents
from ..agents.models import Agent
from ..rubrics.models import ACTIVE, DONE, Evaluation, Rubric


def scorecard(agent: Agent, number: int) -> list[dict[str, Any]]:
    """How the version did in the last evaluation with each rubric that it names and that is active, as listings show it."""
    named = agents.definition_at(agent, number)["rubric_ids"]
    rubrics = (records.find_or_none(Rubric, rubric_id) for rubric_id in named)
    active = [rubric for rubric in rubrics if rubric and rubric.status == ACTIVE and rubric.deleted_at is None]
    return [_line(rubric, _last(rubric, agent, number)) for rubric in active]


def _last(rubric: Rubric, agent: Agent, number: int) -> Evaluation | None:
    """The last evaluation of the version with the rubric as it is now."""
    same = (Evaluation.rubric_id == rubric.id) & (Evaluation.rubric_version == rubric.rubric_version)
    of_version = same & (Evaluation.agent_id == agent.id) & (Evaluation.agent_version == number) & (Evaluation.status == DONE)
    found: Evaluation | None = Evaluation.select().where(of_version).order_by(Evaluation.id.desc()).first()
    return found


def _line(rubric: Rubric, evaluation: Evaluation | None) -> dict[str, Any]:
    score = None if evaluation is None else evaluation.score
    return {
        "name": rubric.name,
        "threshold": rubric.threshold,
        "score": score,
        "cases": 0 if evaluation is None else evaluation.total,
        "status": "missing" if evaluation is None else "passed" if score is not None and score >= rubric.threshold else "failed",
    }
