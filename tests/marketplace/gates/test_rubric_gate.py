"""A version of an agent is listed when it passes the rubrics that it names."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Answer, Person
from aasim_core.worker.runner import work_off

from ...rubrics.test_runs import evaluated, examples
from ..conftest import Make

SHORT = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 10}}


@pytest.fixture
def rubric(seller: Person) -> dict[str, Any]:
    """A rubric for those who name it: the answer is short."""
    engine = seller.client.get("/engines?provider=scripted").data["items"][0]["id"]
    body = {"name": "Quality", "criteria": [SHORT], "applies_to": "named"}
    return dict(seller.client.post(f"/engines/{engine}/rubrics", body).data)


@pytest.fixture
def answering(agent: Make, rubric: dict[str, Any]) -> Make:
    """Makes an agent that names the rubric and always gives the answer."""

    def make(answer: str) -> dict[str, Any]:
        script = {"engine_id": rubric["engine_id"], "parameters": {"replies": [answer]}}
        return agent(answer, rubric_ids=[rubric["id"]], **script)

    return make


def evaluate(app: App, seller: Person, rubric: dict[str, Any], agent: dict[str, Any]) -> None:
    """Try the agent with two examples."""
    examples(seller, rubric, "Invoice 7", "Invoice 8")
    evaluated(app, seller, rubric, {"agent_id": agent["id"]}, lambda: work_off(app))


def publish(seller: Person, agent: dict[str, Any]) -> Answer:
    """List the agent."""
    return seller.client.post(f"/agents/{agent['id']}/publish", {"title": "Reader"})


def scorecard(answer: Answer) -> list[dict[str, Any]]:
    """The scorecard that a refusal has."""
    assert (answer.status, answer.codes) == (409, {"_": ["rubric_gate_failed"]})
    return list(answer.body["errors"]["_"][0]["meta"]["scorecard"])


def test_what_was_not_evaluated_is_refused(seller: Person, answering: Make) -> None:
    card = scorecard(publish(seller, answering("Paid.")))
    assert card == [{"name": "Quality", "threshold": 0.7, "score": None, "cases": 0, "status": "missing"}]


def test_a_score_below_the_threshold_is_refused_with_the_scorecard(
    app: App, seller: Person, rubric: dict[str, Any], answering: Make
) -> None:
    agent = answering("It was paid twice, and too late.")
    evaluate(app, seller, rubric, agent)
    card = scorecard(publish(seller, agent))
    assert card == [{"name": "Quality", "threshold": 0.7, "score": 0.0, "cases": 2, "status": "failed"}]
    assert seller.client.get("/marketplace").data["items"] == []


def test_a_version_that_passes_is_listed_with_its_scorecard(
    app: App, seller: Person, rubric: dict[str, Any], answering: Make
) -> None:
    agent = answering("Paid.")
    evaluate(app, seller, rubric, agent)
    listing = publish(seller, agent).data
    assert listing["status"] == "published"
    assert listing["scorecard"] == [{"name": "Quality", "threshold": 0.7, "score": 1.0, "cases": 2, "status": "passed"}]


def test_a_newer_version_passes_by_its_own_evaluation(app: App, seller: Person, rubric: dict[str, Any], answering: Make) -> None:
    agent = answering("Paid.")
    evaluate(app, seller, rubric, agent)
    seller.client.patch(f"/agents/{agent['id']}", {"instructions": "Read better."})
    assert scorecard(publish(seller, agent))[0]["status"] == "missing"
