"""Results of agents are scored before they count; and versions of agents are tried with examples and compared."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.engines import finding
from aasim_plugins.executions import schemas as executions
from aasim_plugins.executions.models import Execution
from aasim_plugins.rubrics import with_agents
from aasim_plugins.rubrics.evaluations.running import JOB
from aasim_plugins.rubrics.models import Label
from aasim_plugins.rubrics.schemas import CriterionResultOut, ResultOut

from .conftest import SHORT, path_of

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def _run(owner: Person, agent: dict[str, Any], work: Work, given: Any = "Hello") -> dict[str, Any]:
    execution = owner.client.post(f"/agents/{agent['id']}/execute", {"input": given}).data
    work()
    return dict(owner.client.get(f"/executions/{execution['id']}").data)


def test_a_result_is_scored_by_the_active_rubrics_of_its_engine(
    make_rubric: Make, make_agent: Make, owner: Person, work: Work
) -> None:
    rubric, off = make_rubric(), make_rubric(name="Off", status="disabled")
    execution = _run(owner, make_agent("Paris"), work)
    assert (execution["status"], execution["score"]) == ("succeeded", 1.0)
    [result] = execution["rubric_results"]
    assert (result["rubric_id"], result["verdict"]) == (rubric["id"], "pass")
    [score] = owner.client.get(path_of(rubric, "/scores")).data["items"]
    assert (score["execution_id"], score["key"], score["verdict"]) == (execution["id"], "short", "pass")
    assert owner.client.get(path_of(off, "/scores")).data["items"] == []


def test_a_rubric_for_named_agents_scores_only_those_that_name_it(
    make_rubric: Make, make_agent: Make, owner: Person, work: Work
) -> None:
    rubric = make_rubric(applies_to="named")
    assert _run(owner, make_agent("Paris"), work)["rubric_results"] is None
    naming = make_agent("Paris", name="Naming", rubric_ids=[rubric["id"]])
    assert [result["rubric_id"] for result in _run(owner, naming, work)["rubric_results"]] == [rubric["id"]]
    assert owner.client.patch(path_of(rubric), {"applies_to": "all"}).data["rubric_version"] == rubric["rubric_version"]
    assert _run(owner, make_agent("Paris", name="Third"), work)["score"] == 1.0


def test_the_rubrics_of_all_engines_are_one_list(make_rubric: Make, make_judge: Make, owner: Person) -> None:
    first, judge = make_rubric(applies_to="named"), make_judge("x")
    body = {"name": "Other", "criteria": [SHORT]}
    second = owner.client.post(f"/engines/{judge}/rubrics", body).data
    gone = make_rubric(name="Gone")
    owner.client.delete(path_of(gone))

    def listed(query: str = "") -> list[str]:
        return [item["id"] for item in owner.client.get(f"/rubrics{query}").data["items"]]

    assert listed() == [second["id"], first["id"]]
    assert listed(f"?engine_id={judge}") == [second["id"]]
    assert listed("?applies_to=named") == [first["id"]]


def test_a_run_tells_its_results_in_the_shape_in_which_a_rubric_does() -> None:
    mine, theirs = (
        [(name, type(field)) for name, field in schema().fields.items()] for schema in (ResultOut, executions.ResultOut)
    )
    assert mine == theirs
    assert executions.CriterionResultOut().fields.keys() == CriterionResultOut().fields.keys()


def test_scores_go_with_the_runs_that_they_are_of(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    rubric = make_rubric()
    execution = _run(owner, make_agent("Paris"), work)
    [score] = owner.client.get(path_of(rubric, "/scores")).data["items"]
    owner.client.post(path_of(rubric, f"/scores/{score['id']}/label"), {"verdict": "pass"})
    keeper = app.offers("keepers")["rubrics"]
    with organization_scope(owner.organization_id), app.database.transaction():
        keeper.empty([execution["id"]])
    [kept] = owner.client.get(path_of(rubric, "/scores")).data["items"]
    assert kept == {**score, "reason": "", "evidence": None}
    with organization_scope(owner.organization_id), app.database.transaction():
        keeper.forget([execution["id"]])
        assert Label.select().count() == 0
    assert owner.client.get(path_of(rubric, "/scores")).data["items"] == []


def test_an_agent_can_name_rubrics_of_another_engine(
    make_agent: Make, make_judge: Callable[..., str], owner: Person, work: Work
) -> None:
    criterion = {"key": "long", "weight": 1, "grader": "length", "parameters": {"min": 100}}
    body = {"name": "Elsewhere", "criteria": [criterion]}
    rubric = owner.client.post(f"/engines/{make_judge('')}/rubrics", body).data
    execution = _run(owner, make_agent("Paris", rubric_ids=[rubric["id"]]), work)
    assert (execution["status"], execution["score"]) == ("succeeded", 0.0)
    assert execution["rubric_results"][0]["verdict"] == "fail"


def test_a_result_that_fails_can_fail_the_run(make_rubric: Make, make_agent: Make, owner: Person, work: Work) -> None:
    make_rubric(on_fail="fail")
    execution = _run(owner, make_agent("A very long answer"), work)
    assert execution["status"] == "failed"
    assert execution["error"]["code"] == "result_not_good_enough"
    assert "Quality: short: It has 18 characters." in execution["error"]["message"]


def test_a_result_that_fails_can_be_given_back_to_the_model(
    make_rubric: Make, make_agent: Make, owner: Person, work: Work
) -> None:
    rubric = make_rubric(on_fail="retry")
    execution = _run(owner, make_agent("A very long answer", "Paris"), work)
    assert (execution["status"], execution["output"], execution["score"]) == ("succeeded", "Paris", 1.0)
    verdicts = [each["verdict"] for each in owner.client.get(path_of(rubric, "/scores?sort=created_at")).data["items"]]
    assert verdicts == ["fail", "pass"]


def test_several_rubrics_give_the_worst_verdict_and_the_strongest_consequence() -> None:
    def result(verdict: str, score: float | None, on_fail: str) -> dict[str, Any]:
        return {"name": "R", "verdict": verdict, "score": score, "on_fail": on_fail, "criteria": []}

    found = with_agents.assessment_of(
        [
            result("pass", 1.0, "fail"),
            result("fail", 0.2, "retry"),
            result("fail", 0.0, "approval"),
            result("unscored", None, "fail"),
        ]
    )
    assert (found.verdict, found.score, found.on_fail) == ("fail", 0.4, "approval")


@pytest.mark.parametrize("is_named", [True, False])
def test_that_there_is_nothing_to_score_by_is_read_once_until_that_changes(
    app: App, owner: Person, engine_id: str, is_named: bool
) -> None:
    assessor = app.offers("assessors")["rubrics"]
    definition = {"rubric_ids": [], "engine_id": engine_id if is_named else None}

    def concerns() -> bool:
        with organization_scope(owner.organization_id):
            return assessor.concerns(Execution(trigger={"type": "api", "id": None}), definition)

    assert concerns() is False
    with recorded(app.database) as statements:
        assert concerns() is False
    assert statements == []

    with organization_scope(owner.organization_id):
        asked = engine_id if is_named else finding.find_default(app).id
    rubric = owner.client.post(f"/engines/{asked}/rubrics", {"name": "Quality", "criteria": [SHORT]}).data
    assert concerns() is True
    owner.client.patch(path_of(rubric), {"status": "disabled"})
    assert concerns() is False


def test_a_rubric_that_was_changed_scores_the_next_run_as_it_is_then(
    make_rubric: Make, make_agent: Make, owner: Person, work: Work
) -> None:
    rubric, agent = make_rubric(), make_agent("Paris")
    assert _run(owner, agent, work)["score"] == 1.0
    owner.client.patch(path_of(rubric), {"criteria": [{**SHORT, "parameters": {"max": 2}}]})
    [result] = _run(owner, agent, work)["rubric_results"]
    assert (result["rubric_version"], result["verdict"]) == (2, "fail")


def examples(owner: Person, rubric: dict[str, Any], *inputs: Any) -> None:
    for given in inputs:
        assert owner.client.post(path_of(rubric, "/examples"), {"input": given, "expected": "Paris"}).status == 201


def evaluated(app: App, owner: Person, rubric: dict[str, Any], body: dict[str, Any], work: Work) -> dict[str, Any]:
    """The evaluation when it is done."""
    started = owner.client.post(path_of(rubric, "/evaluations"), body)
    assert started.status == 202, started.body
    return done(app, owner, path_of(rubric, f"/evaluations/{started.data['id']}"), work)


def done(app: App, owner: Person, path: str, work: Work) -> dict[str, Any]:
    """The evaluation at that path when it is done; the job looks again at once instead of later."""
    for _ in range(10):
        work()
        evaluation: dict[str, Any] = owner.client.get(path).data
        if evaluation["status"] != "running":
            break
        look_again(app, owner, evaluation["id"])
    return evaluation


def look_again(app: App, owner: Person, evaluation_id: str) -> None:
    """Make the job of the evaluation due now."""
    with organization_scope(owner.organization_id), app.database.transaction():
        enqueue(JOB, {"evaluation_id": evaluation_id}, unique_key=evaluation_id)


def test_an_evaluation_tries_an_agent_with_every_example(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    rubric = make_rubric({"key": "right", "weight": 1, "grader": "exact", "parameters": {}}, on_fail="fail")
    examples(owner, rubric, "Paris", "Rome", "Paris", "Paris", "Paris", "Paris")
    evaluation = evaluated(app, owner, rubric, {"agent_id": make_agent()["id"]}, work)
    assert (evaluation["status"], evaluation["total"]) == ("done", 6)
    assert evaluation["verdicts"] == {"pass": 5, "fail": 1}
    assert evaluation["score"] == pytest.approx(5 / 6)
    assert [case["verdict"] for case in evaluation["cases"]] == ["pass", "fail", "pass", "pass", "pass", "pass"]
    execution = owner.client.get(f"/executions/{evaluation['cases'][1]['execution_id']}").data
    assert execution["trigger"] == {"type": "evaluation", "id": evaluation["id"]}
    assert (execution["status"], execution["rubric_results"]) == ("succeeded", None)
    scores = owner.client.get(path_of(rubric, f"/scores?evaluation_id={evaluation['id']}")).data["items"]
    assert len(scores) == 6


@pytest.mark.long
def test_two_versions_of_an_agent_are_compared(make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work) -> None:
    rubric = make_rubric({"key": "right", "weight": 1, "grader": "exact", "parameters": {}})
    examples(owner, rubric, "Paris", "Rome", "Oslo")
    agent = make_agent()
    first = evaluated(app, owner, rubric, {"agent_id": agent["id"]}, work)
    owner.client.patch(f"/agents/{agent['id']}", {"parameters": {"replies": ["Paris"]}})
    second = evaluated(app, owner, rubric, {"agent_id": agent["id"]}, work)
    again = evaluated(app, owner, rubric, {"agent_id": agent["id"], "version": 1}, work)
    assert [each["agent_version"] for each in (first, second, again)] == [1, 2, 1]
    compared = owner.client.get(path_of(rubric, f"/evaluations/{second['id']}/compare")).data
    assert (compared["before_id"], len(compared["better"]), compared["worse"], compared["unchanged"]) == (first["id"], 2, [], 1)
    back = owner.client.get(path_of(rubric, f"/evaluations/{again['id']}/compare?with={second['id']}")).data
    assert {case["example_id"] for case in back["worse"]} == {case["example_id"] for case in compared["better"]}
    assert (back["worse"][0]["before"]["verdict"], back["worse"][0]["after"]["verdict"]) == ("pass", "fail")


def test_an_evaluation_that_goes_on_is_another_one(make_rubric: Make, make_agent: Make, owner: Person, work: Work) -> None:
    rubric = make_rubric()
    examples(owner, rubric, "Hello")
    started = owner.client.post(path_of(rubric, "/evaluations"), {"agent_id": make_agent()["id"]})
    path = path_of(rubric, f"/evaluations/{started.data['id']}")
    tag = owner.client.get(path).headers["etag"]
    assert owner.client.get(path, If_None_Match=tag).status == 304
    work()
    assert owner.client.get(path, If_None_Match=tag).status == 200


def test_a_run_that_fails_is_a_broken_case_and_no_score(
    make_rubric: Make, make_agent: Make, owner: Person, app: App, work: Work
) -> None:
    rubric = make_rubric()
    examples(owner, rubric, "Hello", {"wrong": "shape"})
    agent = make_agent({"fault": "refused"}, input_schema={"type": "string"})
    evaluation = evaluated(app, owner, rubric, {"agent_id": agent["id"]}, work)
    assert (evaluation["status"], evaluation["score"], evaluation["verdicts"]) == ("done", None, {"broken": 2})
    assert [case["error"]["code"] for case in evaluation["cases"]] == ["engine_refused", "invalid_format"]


def test_an_evaluation_needs_examples_and_an_agent_that_one_may_run(
    make_rubric: Make, make_agent: Make, owner: Person, world: World
) -> None:
    rubric, agent = make_rubric(), make_agent()
    path = path_of(rubric, "/evaluations")
    assert owner.client.post(path, {"agent_id": agent["id"]}).codes == {"_": ["invalid_state"]}
    examples(owner, rubric, "Hello")
    assert owner.client.post(path, {"agent_id": agent["id"], "version": 9}).codes == {"version": ["invalid_reference"]}
    nothing = "agent_01h455vb4pex5vsknk084sn02q"
    assert owner.client.post(path, {"agent_id": nothing}).codes == {"agent_id": ["invalid_reference"]}
    private = make_agent(name="Private", visibility="private")
    builder = world.member(owner, "builder").client
    assert builder.post(path, {"agent_id": private["id"]}).codes == {"agent_id": ["invalid_reference"]}
    assert builder.post(path, {"agent_id": agent["id"]}).status == 202


def test_an_evaluation_ends_with_its_rubric(make_rubric: Make, make_agent: Make, owner: Person, work: Work, app: App) -> None:
    rubric = make_rubric()
    examples(owner, rubric, "Hello")
    evaluation_id = owner.client.post(path_of(rubric, "/evaluations"), {"agent_id": make_agent()["id"]}).data["id"]
    owner.client.delete(path_of(rubric))
    work()
    assert owner.client.get(path_of(rubric, f"/evaluations/{evaluation_id}")).status == 404
    assert owner.client.get("/activities?action=rubrics.evaluation_failed&occurred_at[gte]=2020-01-01T00:00:00Z").data["items"]


def test_scores_are_seen_where_the_runs_are(make_rubric: Make, make_agent: Make, owner: Person, world: World, work: Work) -> None:
    rubric = make_rubric()
    project_id = owner.client.post("/projects", {"name": "Website"}).data["id"]
    for place in (None, project_id):
        _run(owner, make_agent("Paris", name=f"In {place}", project_id=place), work)
    inside = world.member(owner, "viewer", project_id).client
    assert len(owner.client.get(path_of(rubric, "/scores")).data["items"]) == 2
    assert len(inside.get(path_of(rubric, "/scores")).data["items"]) == 1
