"""The endpoints of evaluations, which require agents and executions."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from aasim_core import Request, Resource, Response, operation
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery

from .. import schemas, service, with_agents
from ..api import UNDER_RUBRIC, of_rubric
from ..models import Evaluation
from . import running as evaluations


class Evaluations(Resource):
    """Tests of agent versions with the examples of a rubric."""

    paths: ClassVar[Mapping[str, str]] = {
        "": f"{UNDER_RUBRIC}/evaluations",
        "one": f"{UNDER_RUBRIC}/evaluations/{{evaluation_id}}",
        "compare": f"{UNDER_RUBRIC}/evaluations/{{evaluation_id}}/compare",
    }
    body = schemas.EvaluationIn()
    reply, detail_reply = schemas.EvaluationOut(), schemas.EvaluationDetailOut()
    compare_query, compare_reply = schemas.CompareQuery(), schemas.ComparisonOut()
    query = ListQuery(
        schemas.EvaluationOut(),
        filters=("agent_id", "agent_version", "rubric_version", "created_by", "status", "created_at"),
        sorts=("created_at", "updated_at"),
    )

    def __init__(self, app: Any) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> Any:
        """Return the evaluation, or the rubric whose evaluations are requested."""
        return evaluations.find(**ids) if "evaluation_id" in ids else service.find_rubric(**ids)

    def node_of(self, target: Any) -> str | None:
        """An evaluation belongs to its agent's node."""
        return target.project_id if isinstance(target, Evaluation) else None

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Callers see the part of the list within their reach; those who may run an agent may evaluate it."""
        return super().allows(req, permission, target) if isinstance(target, Evaluation) else req.rights.has_anywhere(permission)

    @operation("read", query="query", reply="reply", many=True, message="Evaluations listed.")
    def on_get(self, req: Request, resp: Response, engine_id: str, rubric_id: str) -> None:
        """List the evaluations that were made with a rubric."""
        question = self.query.question(req.path, req.query)
        conditions = [of_rubric(Evaluation, req.target), *req.rights.reach_condition("rubrics:read", Evaluation, "project_id")]
        resp.media = read_page(Evaluation, self.plan.columns, question, conditions, self.app.keyring)

    @operation("evaluate", body="body", reply="reply", status=202, message="Evaluation started.", refusals=("invalid_state",))
    def on_post(self, req: Request, resp: Response, engine_id: str, rubric_id: str) -> None:
        """Evaluate a version of an agent.

        It runs on each example of a rubric, and its answers are scored.
        """
        agent, number = with_agents.find_runnable(req, req.body["agent_id"], req.body.get("version"))
        req.rights.require_at("rubrics:evaluate", agent.project_id)
        self.app.rights.refuse_archived(req.principal, agent.project_id)
        evaluation = evaluations.begin(req.target, agent, number, req.principal.user_id, req.principal.api_key_id)
        resp.location = f"{req.path}/{evaluation.id}"
        resp.set_header("Retry-After", "1")
        resp.media = evaluation

    @operation("read", reply="detail_reply", message="Evaluation read.")
    def on_get_one(self, req: Request, resp: Response, engine_id: str, rubric_id: str, evaluation_id: str) -> None:
        """Read an evaluation, with the result of each example."""
        resp.media = {**req.target.row(), "cases": evaluations.cases_of(req.target)}

    @operation("read", query="compare_query", reply="compare_reply", verb="compare", message="Evaluations compared.")
    def on_get_compare(self, req: Request, resp: Response, engine_id: str, rubric_id: str, evaluation_id: str) -> None:
        """Compare an evaluation with an earlier one.

        The response lists the examples that got worse, and those that improved.
        """
        resp.media = evaluations.changes(req.target, req.query.get("with"), partial(req.rights.allows_at, "rubrics:read"))
