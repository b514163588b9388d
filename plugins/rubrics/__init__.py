"""Rubrics: score results by rules and judges, and compare versions of agents."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Event, Job, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import BuiltInRole
from aasim_core.schemas.fields import Choice, Id, Integer, Json, ListOf, Number, Text

from . import api, schemas, service
from .models import Evaluation, EvaluationCase, Example, Label, Rubric, RubricVersion, Score

if TYPE_CHECKING:
    from .hookspecs import Grader

plugin = Plugin(
    "Rubrics",
    "How results are scored, by rules and by judges, and how versions of agents are compared.",
    requires=("engines",),
    uses=("agents", "executions"),
)

_EVERYBODY: Sequence[BuiltInRole] = ("builder", "operator", "approver", "viewer", "auditor")


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The rubric and its versions, scores and labels, examples and evaluations."""
    return Rubric, RubricVersion, Score, Label, Example, Evaluation, EvaluationCase


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about rubrics."""
    return (
        Permission("rubrics:read", "See rubrics, their examples, scores and evaluations", roles=_EVERYBODY),
        Permission("rubrics:create", "Create rubrics and examples", roles=("builder",)),
        Permission("rubrics:update", "Change rubrics and examples", roles=("builder",)),
        Permission("rubrics:delete", "Delete rubrics and examples", dangerous=True, roles=("builder",)),
        Permission("rubrics:evaluate", "Try rubrics, and evaluate agents with them", roles=("builder", "operator")),
        Permission("rubrics:label", "Say what scores should have been", roles=("builder", "operator", "approver")),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to rubrics and what belongs to them."""
    rubric_id, agent_id = Id("rubric", required=True), Id("agent", required=True)
    scored = {
        "verdict": Choice(*schemas.VERDICTS, required=True),
        "score": Number(0, 1, required=True, allow_none=True, description="Null where too little was scored."),
        "execution_id": Id("exec", required=True, allow_none=True, description="The run that made it, if one did."),
    }
    labelled = {
        "score_id": Id("score", required=True),
        "verdict": Choice("pass", "fail", required=True, description="What they said."),
        "scored": Choice("pass", "fail", required=True, description="What the grader had said."),
    }
    finished = {
        "score": Number(0, 1, required=True, allow_none=True, description="The mean; null where nothing was scored."),
        "verdicts": Json(object_only=True, required=True, description="How many of each, and broken runs."),
    }
    return (
        Event("rubrics.created", "A rubric was created", "rubric"),
        Event("rubrics.updated", "A rubric was changed", "rubric"),
        Event("rubrics.deleted", "A rubric was deleted", "rubric"),
        Event("rubrics.scored", "A result was scored by a rubric", "rubric", scored),
        Event("rubrics.labelled", "Somebody said what a score should have been", "label", labelled),
        Event("rubrics.example_created", "An example was attached to a rubric", "example"),
        Event("rubrics.example_updated", "An example was changed", "example",
              {"fields": ListOf(Text(), required=True, description="What of it.")}),
        Event("rubrics.example_deleted", "An example was deleted", "example"),
        Event("rubrics.evaluation_started", "An agent is tried with a rubric's examples", "evaluation",
              {"rubric_id": rubric_id, "agent_id": agent_id, "agent_version": Integer(1, required=True, description="The one tried.")}),
        Event("rubrics.evaluation_finished", "An evaluation is done", "evaluation", finished),
        Event("rubrics.evaluation_failed", "An evaluation could not continue", "evaluation",
              {"reason": Text(max_length=500, multiline=True, required=True, description="Why.")}),
    )  # fmt: skip


@hookimpl
def graders(app: App) -> "Sequence[Grader]":
    """The bundled ones; other plugins bring their own."""
    return service.BUNDLED


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /engines/{engine_id}/rubrics and the list over all engines; those of evaluations where agents can run."""
    resources: list[Resource] = [api.Rubrics(app), api.AllRubrics(app), api.Versions(app), api.Examples(app), api.Scores(app)]
    if _runs_agents(app):
        from .evaluations import api as evaluations_api

        resources.append(evaluations_api.Evaluations(app))
    return resources


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What brings evaluations forward."""
    if not _runs_agents(app):
        return ()
    from .jobs import evaluate

    return (evaluate(app),)


@hookimpl(optionalhook=True)
def assessors(app: App) -> Sequence[object]:
    """Results of agents are scored before they count."""
    from . import with_agents

    return (with_agents.assessor(app),)


@hookimpl(optionalhook=True)
def keepers(app: App) -> Sequence[object]:
    """Scores go with the runs that they are of."""
    from . import with_executions

    return (with_executions.keeper(),)


def _runs_agents(app: App) -> bool:
    return app.plugins.is_on("agents")
