"""Rubrics over the API: what they may say, their versions, trying them, and what stands in the way of deleting them."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_plugins.rubrics import service
from aasim_plugins.rubrics.hookspecs import Grade, Grader, parameters_of

from .conftest import SHORT, path_of

Make = Callable[..., dict[str, Any]]


def test_a_rubric_is_made_with_what_it_does_not_say(make_rubric: Make, owner: Person) -> None:
    rubric = make_rubric()
    facts = {"aggregation": "weighted_mean", "threshold": 0.7, "min_coverage": 0.5, "on_fail": "record", "status": "active"}
    assert facts.items() <= rubric.items()
    assert rubric["criteria"] == [{**SHORT, "must_pass": False, "scale": None}]
    assert (rubric["rubric_version"], rubric["warnings"]) == (1, [])
    assert owner.client.get(path_of(rubric)).data == rubric


def test_it_can_be_read_where_the_answer_says(owner: Person, engine_id: str) -> None:
    made = owner.client.post(f"/engines/{engine_id}/rubrics", {"name": "Quality", "criteria": [SHORT]})
    location = made.headers["location"].removeprefix("/api/v1")
    assert owner.client.get(location).data == made.data


def _criterion(**fields: Any) -> dict[str, Any]:
    return {**SHORT, **fields}


@pytest.mark.parametrize(
    ("criteria", "codes"),
    [
        ([_criterion(weight=0.5)], {"criteria": ["out_of_range"]}),
        ([_criterion(weight=0.4), _criterion(weight=0.6)], {name: ["not_unique"] for name in ("criteria[0].key", "criteria[1].key")}),
        ([_criterion(grader="lenght")], {"criteria[0].grader": ["invalid_choice"]}),
        ([_criterion(parameters={"max": "ten"})], {"criteria[0].parameters.max": ["invalid_format"]}),
        ([_criterion(parameters={"most": 10})], {"criteria[0].parameters": ["invalid_format"]}),
        ([_criterion(parameters={})], {"criteria[0].parameters.min": ["invalid_format"]}),
        ([_criterion(grader="regex", parameters={"pattern": "("})], {"criteria[0].parameters.pattern": ["invalid_format"]}),
        ([_criterion(grader="expression", parameters={"expression": "all("})], {"criteria[0].parameters.expression": ["invalid_format"]}),
        ([_criterion(scale=[{"score": 0, "meaning": "No"}, {"score": 1, "meaning": "Yes"}])], {"criteria[0].scale": ["invalid_choice"]}),
        ([_criterion(key="Not A Key")], {"criteria[0].key": ["invalid_format"]}),
        ([], {"criteria": ["too_short"]}),
    ],
)  # fmt: skip
def test_criteria_that_do_not_work_are_named(owner: Person, engine_id: str, criteria: Any, codes: dict[str, list[str]]) -> None:
    assert owner.client.post(f"/engines/{engine_id}/rubrics", {"name": "Quality", "criteria": criteria}).codes == codes


def test_weights_may_be_a_thousandth_off(make_rubric: Make) -> None:
    thirds = [_criterion(key=key, weight=0.333) for key in ("a", "b", "c")]
    assert len(make_rubric(*thirds)["criteria"]) == 3


def test_a_change_of_the_definition_makes_a_version_that_never_changes(make_rubric: Make, owner: Person) -> None:
    rubric = make_rubric()
    renamed = owner.client.patch(path_of(rubric), {"name": "Better", "status": "disabled"}).data
    changed = owner.client.patch(path_of(rubric), {"threshold": 0.9}).data
    assert (renamed["rubric_version"], changed["rubric_version"]) == (1, 2)
    versions = owner.client.get(path_of(rubric, "/versions")).data["items"]
    assert [(each["number"], each["definition"]["threshold"]) for each in versions] == [(2, 0.9), (1, 0.7)]


def test_names_are_unique_among_the_rubrics_of_an_engine_that_are_there(make_rubric: Make, owner: Person, engine_id: str) -> None:
    rubric = make_rubric()
    body = {"name": "Quality", "criteria": [SHORT]}
    assert owner.client.post(f"/engines/{engine_id}/rubrics", body).codes == {"name": ["not_unique"]}
    assert owner.client.delete(path_of(rubric)).status == 200
    assert owner.client.post(f"/engines/{engine_id}/rubrics", body).status == 201


def test_a_rubric_is_there_under_its_own_engine_only(make_rubric: Make, make_judge: Callable[..., str], owner: Person) -> None:
    rubric = make_rubric()
    assert owner.client.get(f"/engines/{make_judge('')}/rubrics/{rubric['id']}").status == 404


def test_a_rubric_that_an_agent_names_stays(make_rubric: Make, make_agent: Make, owner: Person) -> None:
    rubric = make_rubric()
    agent = make_agent(rubric_ids=[rubric["id"]])
    refused = owner.client.delete(path_of(rubric))
    assert refused.codes == {"_": ["in_use"]}
    used_by = refused.body["errors"]["_"][0]["meta"]["used_by"]
    assert used_by == [{"type": "agent", "id": agent["id"], "label": "Scripted", "field": "rubric_ids"}]
    owner.client.patch(f"/agents/{agent['id']}", {"rubric_ids": []})
    assert owner.client.delete(path_of(rubric)).status == 200


def test_an_engine_that_has_rubrics_stays(make_judge: Callable[..., str], owner: Person) -> None:
    engine_id = make_judge("")
    rubric = owner.client.post(f"/engines/{engine_id}/rubrics", {"name": "Quality", "criteria": [SHORT]}).data
    assert owner.client.delete(f"/engines/{engine_id}").codes == {"_": ["in_use"]}
    owner.client.delete(path_of(rubric))
    assert owner.client.delete(f"/engines/{engine_id}").status == 200


def test_trying_a_rubric_scores_and_keeps_nothing(make_rubric: Make, owner: Person) -> None:
    rubric = make_rubric(_criterion(weight=0.5), {"key": "right", "weight": 0.5, "grader": "exact", "parameters": {}})
    tried = owner.client.post(
        path_of(rubric, "/score"), {"input": "Capital of France?", "output": "Paris", "expected": "Paris"}
    ).data
    assert (tried["verdict"], tried["score"], tried["coverage"], tried["rubric_version"]) == ("pass", 1.0, 1.0, 1)
    assert [each["reason"] for each in tried["criteria"]] == ["It has 5 characters.", "It is exactly that."]
    assert owner.client.get(path_of(rubric, "/scores")).data["items"] == []


def test_what_nobody_can_compare_is_left_out_of_the_score(make_rubric: Make, owner: Person) -> None:
    rubric = make_rubric(_criterion(weight=0.6), {"key": "right", "weight": 0.4, "grader": "exact", "parameters": {}})
    tried = owner.client.post(path_of(rubric, "/score"), {"input": "?", "output": "Paris"}).data
    assert (tried["verdict"], tried["score"], tried["coverage"]) == ("review", 1.0, 0.6)


def test_examples_say_where_they_are_from(make_rubric: Make, owner: Person) -> None:
    rubric = make_rubric()
    example = owner.client.post(path_of(rubric, "/examples"), {"input": {"city": "Paris"}, "expected": "France"}).data
    assert example["source"] == {"type": "manual", "id": None}
    source = {"type": "approval", "id": "approval_1"}
    changed = owner.client.patch(path_of(rubric, f"/examples/{example['id']}"), {"source": source, "expected": None}).data
    assert (changed["source"], changed["expected"], changed["input"]) == (source, None, {"city": "Paris"})


def test_examples_are_called_what_they_are(make_rubric: Make, owner: Person) -> None:
    made = owner.client.post(path_of(make_rubric(), "/examples"), {"input": "Hello"})
    assert made.body["message"] == "Example created."
    assert owner.client.get(made.headers["location"].removeprefix("/api/v1")).data == made.data


def test_there_are_only_so_many_examples(make_rubric: Make, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_EXAMPLES", 1)
    rubric = make_rubric()
    answers = [owner.client.post(path_of(rubric, "/examples"), {"input": "Hello"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 409]
    assert answers[1].body["errors"]["_"][0]["meta"]["max"] == 1


def _offer(app: App, *graders: Grader) -> None:
    """Let the app have these graders besides the bundled ones, as another plugin's."""
    app.offers.keep("graders", {**app.offers("graders"), **{grader.name: grader for grader in graders}})


def test_other_plugins_bring_graders(app: App, make_rubric: Make, owner: Person) -> None:
    _offer(app, Grader("loud", "Shouts", parameters_of(), lambda case: Grade(float(case.output.isupper()), "It shouts.")))
    rubric = make_rubric({"key": "loud", "weight": 1, "grader": "loud"})
    assert owner.client.post(path_of(rubric, "/score"), {"input": "?", "output": "PARIS"}).data["score"] == 1.0


@pytest.mark.parametrize(
    "grade", [lambda case: case.output["missing"], lambda case: Grade(2.0, "Too good."), lambda case: Grade(float("nan"), "?")]
)
def test_a_grader_that_breaks_abstains(app: App, make_rubric: Make, owner: Person, grade: Callable[..., Any]) -> None:
    _offer(app, Grader("broken", "Breaks", parameters_of(), grade))
    rubric = make_rubric({"key": "broken", "weight": 1, "grader": "broken"})
    [found] = owner.client.post(path_of(rubric, "/score"), {"input": "?", "output": {}}).data["criteria"]
    assert (found["score"], found["reason"]) == (None, "The plugin tests failed in its grader broken.")


def test_a_grader_whose_plugin_is_off_abstains(app: App, make_rubric: Make, owner: Person) -> None:
    _offer(app, Grader("loud", "Shouts", parameters_of(), lambda case: Grade(1.0, "It shouts.")))
    rubric = make_rubric({"key": "loud", "weight": 1, "grader": "loud"})
    app.offers.keep("graders", {})
    [found] = owner.client.post(path_of(rubric, "/score"), {"input": "?", "output": "PARIS"}).data["criteria"]
    assert (found["score"], found["reason"]) == (None, "The plugin that provides the grader loud is disabled.")


def test_a_viewer_reads_and_an_operator_tries_but_neither_changes(make_rubric: Make, owner: Person, world: World) -> None:
    rubric = make_rubric()
    viewer, operator = (world.member(owner, role).client for role in ("viewer", "operator"))
    assert viewer.get(path_of(rubric)).status == 200
    work = {"input": "?", "output": "Paris"}
    assert [client.post(path_of(rubric, "/score"), work).status for client in (viewer, operator)] == [403, 200]
    assert [client.patch(path_of(rubric), {"name": "Mine"}).status for client in (viewer, operator)] == [403, 403]
