"""Judges under budgets: what they cost is counted, and a judge that may not be asked ends the run rather than let its result pass."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.queue import enqueue
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off
from aasim_plugins.rubrics.evaluations.running import JOB

from .conftest import current

Make = Callable[..., Any]
POLITE = {"key": "polite", "weight": 1, "grader": "llm_judge", "parameters": {"question": "Is the answer polite?"}}
#: The judge's opinion may take so much; the agent's answer takes seven.
JUDGED = 800


@pytest.fixture
def rubric(owner: Person, engine: Make) -> Callable[[str], dict[str, Any]]:
    """Makes a rubric of an engine with a judge whose price is known."""

    def make(engine_id: str) -> dict[str, Any]:
        script = {"replies": [{"text": {"reasons": "It says yes.", "level": 3}}]}
        judge = engine("Judge", capabilities={"judge": True}, default_parameters=script)
        body = {"name": "Polite", "criteria": [POLITE], "judge_engine_id": judge}
        return dict(owner.client.post(f"/engines/{engine_id}/rubrics", body).data)

    return make


def test_the_judge_of_a_run_is_counted_or_ends_the_run(
    owner: Person, engine: Make, agent: Make, rubric: Make, budget: Make, run: Make
) -> None:
    engine_id = engine()
    rubric(engine_id)
    agent_id = agent(engine_id=engine_id)
    kept = budget(max_cost=10_000)

    done = run(agent_id)
    assert (done["status"], done["rubric_results"][0]["verdict"]) == ("succeeded", "pass")
    assert current(owner, kept)["used_cost"] == done["usage"]["cost"] > done["usage"]["judges"]["costs"][0]["cost"] > 0

    owner.client.patch(f"/budgets/{kept['id']}", {"max_cost": current(owner, kept)["used_cost"] + JUDGED})
    failed = run(agent_id)
    assert (failed["status"], failed["error"]["code"], failed["error"]["meta"]["limit"]) == (
        "failed",
        "budget_exceeded",
        "max_cost",
    )


def test_scoring_by_hand_is_counted_or_refused(owner: Person, engine: Make, rubric: Make, budget: Make) -> None:
    engine_id = engine()
    path = f"/engines/{engine_id}/rubrics/{rubric(engine_id)['id']}/score"
    kept = budget(max_cost=10_000)

    assert owner.client.post(path, {"input": "Well?", "output": "Yes, please."}).data["verdict"] == "pass"
    assert current(owner, kept)["used_cost"] > 0

    owner.client.patch(f"/budgets/{kept['id']}", {"max_cost": JUDGED})
    assert owner.client.post(path, {"input": "Well?", "output": "Yes, please."}).codes == {"_": ["budget_exceeded"]}


def _look_again(app: App, owner: Person, evaluation_id: str) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        enqueue(JOB, {"evaluation_id": evaluation_id})
    work_off(app)


def test_a_case_whose_judge_may_not_be_asked_is_broken(
    app: App, owner: Person, engine: Make, agent: Make, rubric: Make, budget: Make
) -> None:
    engine_id = engine()
    path = f"/engines/{engine_id}/rubrics/{rubric(engine_id)['id']}"
    owner.client.post(f"{path}/examples", {"name": "One", "input": "Well?"})
    budget(max_cost=JUDGED)

    started = owner.client.post(f"{path}/evaluations", {"agent_id": agent(engine_id=engine_id)}).data
    work_off(app)
    _look_again(app, owner, started["id"])

    [case] = owner.client.get(f"{path}/evaluations/{started['id']}").data["cases"]
    assert (case["status"], case["error"]["code"]) == ("broken", "budget_exceeded")


def test_an_evaluation_is_counted_for_the_key_that_began_it(
    app: App, owner: Person, engine: Make, agent: Make, rubric: Make, budget: Make
) -> None:
    engine_id = engine()
    path = f"/engines/{engine_id}/rubrics/{rubric(engine_id)['id']}"
    owner.client.post(f"{path}/examples", {"name": "One", "input": "Well?"})
    scopes = ["rubrics:read", "rubrics:evaluate", "agents:read", "agents:execute", "executions:read"]
    made = owner.client.post("/api-keys", {"name": "CI", "scopes": scopes}).data
    of_key = budget(place={"type": "api_key", "id": made["id"]}, max_cost=10_000)
    program = type(owner.client)(owner.client.wsgi, made["key"])

    started = program.post(f"{path}/evaluations", {"agent_id": agent(engine_id=engine_id)}).data
    work_off(app)
    of_run = current(owner, of_key)["used_cost"]
    assert of_run > 0
    _look_again(app, owner, started["id"])
    assert current(owner, of_key)["used_cost"] > of_run
