"""The endpoints of rubrics, under those of their engines."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from aasim_core import Collection, Request, Resource, Response, not_found, operation
from aasim_core.data.conditions import Condition, equals
from aasim_core.data.views import View
from aasim_core.lists.paging import Page, read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, Plan
from aasim_core.resources.collection import Parent

from ..engines import service as engines
from ..engines.hookspecs import Payer
from . import criteria, labels, schemas, scoring, service
from .agreement import agreement_of
from .models import Example, Rubric, RubricVersion, Score

_FILTERS = ("name", "status", "applies_to", "on_fail", "created_at", "updated_at")
UNDER_ENGINE = "/engines/{engine_id}/rubrics"
UNDER_RUBRIC = f"{UNDER_ENGINE}/{{rubric_id}}"

_VERSIONS, _SCORES = (
    View(model, {"rubric_name": Rubric.name}, ((Rubric, Rubric.id == model.rubric_id),)) for model in (RubricVersion, Score)
)


def _warnings(row: Mapping[str, Any]) -> list[str]:
    return service.warnings_about(row["engine_id"], row["judge_engine_id"], orjson.loads(row["criteria"]))


def of_rubric(model: Any, rubric: Rubric) -> Condition:
    """Return the restriction of a list to the rubric."""
    return equals(model.rubric_id, rubric.id)


class Rubrics(Collection):
    """Rubrics: how results are scored."""

    record = Rubric
    events = "rubrics"
    paths: ClassVar[Mapping[str, str]] = {
        "": UNDER_ENGINE,
        "one": UNDER_RUBRIC,
        "score": f"{UNDER_RUBRIC}/score",
        "agreement": f"{UNDER_RUBRIC}/agreement",
    }
    body = schemas.RubricIn()
    reply = schemas.RubricOut()
    try_body, result_reply = schemas.TryIn(), schemas.ResultOut()
    agreement_reply = schemas.AgreementOut()
    unique = ("name",)
    derived: ClassVar[Mapping[str, Derived]] = {"warnings": Derived(("engine_id", "judge_engine_id", "criteria"), _warnings)}
    query = ListQuery(schemas.RubricOut(), filters=_FILTERS, sorts=("created_at", "updated_at"), search=("name", "description"))

    def find(self, req: Request, **ids: str) -> Any:
        """Return the rubric, or the engine whose rubrics are requested."""
        if "rubric_id" in ids:
            return service.find_rubric(ids["engine_id"], ids["rubric_id"])
        engine = engines.find_or_none(ids["engine_id"])
        if engine is None:
            raise not_found()
        return engine

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Like engines, they belong to the whole organization: readers at any node may read all."""
        return req.rights.has_anywhere(permission) if permission == "rubrics:read" else super().allows(req, permission, target)

    def reach(self, req: Request) -> list[Condition]:
        """The engine's rubrics that are not deleted."""
        return [equals(Rubric.engine_id, req.target.id), Condition(Rubric.deleted_at.is_null)]

    def check(self, req: Request, values: dict[str, Any], record: Rubric | None = None) -> dict[str, Any]:
        """The criteria must be consistent, and the judge capable of judging."""
        if "criteria" in values:
            criteria.refuse_flawed(self.app, values["criteria"])
        engine_id = req.target.id if record is None else record.engine_id
        service.require_engines(engine_id, values.get("judge_engine_id"))
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Rubric:
        """Write the rubric and its first version."""
        return service.create(req.target.id, values)

    def change(self, req: Request, record: Rubric, values: dict[str, Any]) -> Rubric:
        """Write changed values; a changed definition creates a new version."""
        return service.change(record, values)

    def remove(self, req: Request, record: Rubric) -> None:
        """Deleting a rubric retains its history; one that an agent names cannot be deleted."""
        service.remove(self.app.models, record)

    @operation(
        "evaluate", body="try_body", reply="result_reply", transaction=False, message="Scored.", refusals=("budget_exceeded",)
    )
    def on_post_score(self, req: Request, resp: Response, engine_id: str, rubric_id: str) -> None:
        """Score something by a rubric without storing the result, to try the rubric."""
        payer = Payer(api_key_id=req.principal.api_key_id, initiator_id=req.principal.user_id)
        resp.media = scoring.score(self.app, req.target, scoring.Work(**req.body), patience=scoring.Patience(payer=payer))

    @operation("read", reply="agreement_reply", message="Agreement read.")
    def on_get_agreement(self, req: Request, resp: Response, engine_id: str, rubric_id: str) -> None:
        """Read the agreement of a rubric's criteria with people's verdicts.

        It covers the scores of the current version.
        """
        rubric, graders = req.target, self.app.offers("graders")
        found = labels.agreement(rubric.id, rubric.rubric_version)
        told = []
        for criterion in rubric.criteria:
            grader, agreement = graders.get(criterion["grader"]), found.get(criterion["key"], agreement_of(()))
            may_gate = agreement.may_gate or grader is None or not grader.needs_model
            facts = {"labels": agreement.labels, "observed": agreement.observed, "kappa": agreement.kappa, "may_gate": may_gate}
            told.append({"key": criterion["key"], "grader": criterion["grader"], **facts})
        about = {"rubric_id": rubric.id, "rubric_name": rubric.name, "rubric_version": rubric.rubric_version}
        resp.media = {**about, "criteria": told}


class AllRubrics(Rubrics):
    """The rubrics of all engines."""

    paths: ClassVar[Mapping[str, str]] = {"": "/rubrics"}
    query = ListQuery(
        schemas.RubricOut(),
        filters=("engine_id", "judge_engine_id", *_FILTERS),
        sorts=("created_at",),
        search=("name", "description"),
    )

    # A rubric is created under its engine.
    on_post = None  # type: ignore[assignment]

    def reach(self, req: Request) -> list[Condition]:
        """Those that are not deleted."""
        return [Condition(Rubric.deleted_at.is_null)]

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="Rubrics listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List the rubrics of all engines."""
        resp.media = self.page(req)


class Versions(Collection):
    """The versions of a rubric's definition; each change creates one."""

    record = RubricVersion
    view = _VERSIONS
    events = "rubrics"
    noun = "versions"
    parent = Parent(Rubrics, "rubric_id")
    paths: ClassVar[Mapping[str, str]] = {"": f"{UNDER_RUBRIC}/versions"}
    reply = schemas.VersionOut()
    query = ListQuery(schemas.VersionOut(), filters=(), sorts=("number", "created_at"), default="-number")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the versions of a rubric's definition, newest first."}
    }


class Examples(Collection):
    """The examples of a rubric: cases for testing agents."""

    record = Example
    events = "rubrics"
    noun = "examples"
    parent = Parent(Rubrics, "rubric_id")
    paths: ClassVar[Mapping[str, str]] = {"": f"{UNDER_RUBRIC}/examples", "one": f"{UNDER_RUBRIC}/examples/{{example_id}}"}
    body = schemas.ExampleIn()
    reply = schemas.ExampleOut()
    query = ListQuery(
        schemas.ExampleOut(), filters=("name", "created_at", "updated_at"), sorts=("created_at", "updated_at"), search=("name",)
    )

    def create(self, req: Request, values: dict[str, Any]) -> Example:
        """Attach it to the rubric."""
        return service.add_example(req.parent, values)

    def change(self, req: Request, record: Example, values: dict[str, Any]) -> Example:
        """Write changed values."""
        return service.change_example(record, values)

    def remove(self, req: Request, record: Example) -> None:
        """Delete it."""
        service.remove_example(record)


class Scores(Resource):
    """The scores by a rubric, and people's verdicts on them."""

    paths: ClassVar[Mapping[str, str]] = {"": f"{UNDER_RUBRIC}/scores", "label": f"{UNDER_RUBRIC}/scores/{{score_id}}/label"}
    reply = schemas.ScoreOut()
    label_body, label_reply = schemas.LabelIn(), schemas.LabelOut()
    query = ListQuery(
        schemas.ScoreOut(),
        filters=(
            "key",
            "grader",
            "verdict",
            "rubric_version",
            "execution_id",
            "agent_id",
            "agent_version",
            "evaluation_id",
            "created_at",
        ),
        sorts=("created_at",),
    )

    def __init__(self, app: Any) -> None:
        self.app = app

    def find(self, req: Request, **ids: str) -> Any:
        """Return the score, or the rubric whose scores are requested."""
        rubric = service.find_rubric(ids["engine_id"], ids["rubric_id"])
        return labels.find_score(rubric, ids["score_id"]) if "score_id" in ids else rubric

    def node_of(self, target: Any) -> str | None:
        """A score quotes a run's answer, so it belongs to the run's node."""
        return target.project_id if isinstance(target, Score) else None

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Callers see the part of the list within their reach."""
        return super().allows(req, permission, target) if isinstance(target, Score) else req.rights.has_anywhere(permission)

    @operation("read", query="query", reply="reply", many=True, message="Scores listed.")
    def on_get(self, req: Request, resp: Response, engine_id: str, rubric_id: str) -> None:
        """List the scores of runs by a rubric, one per criterion."""
        resp.media = self._page(req)

    @operation("label", body="label_body", reply="label_reply", message="Score labelled.", refusals=("invalid_state",))
    def on_post_label(self, req: Request, resp: Response, engine_id: str, rubric_id: str, score_id: str) -> None:
        """Record what the verdict of a score should have been.

        A judge's agreement is measured by this.
        """
        resp.media = labels.label(req.target, req.principal.user_id, req.body["verdict"], req.body["comment"])

    def _page(self, req: Request) -> Page:
        question = self.query.question(req.path, req.query)
        conditions = [of_rubric(Score, req.target), *req.rights.reach_condition("rubrics:read", Score, "project_id")]
        return read_page(_SCORES, Plan(self.reply).columns, question, conditions, self.app.keyring)
