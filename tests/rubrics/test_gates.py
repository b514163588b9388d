"""What a rubric keeps from counting as a result stays so: while people decide, while its judge is away, and when it is changed."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World

from ..executions.passing_time import make_due
from .conftest import path_of
from .test_judge import JUDGED

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_LONG = "A very long answer"


def start(person: Person, agent: dict[str, Any], work: Work) -> str:
    """Let the agent run as far as it gets; the path of the execution."""
    execution = person.client.post(f"/agents/{agent['id']}/execute", {"input": "Hello"}).data
    work()
    return f"/executions/{execution['id']}"


@pytest.mark.parametrize(
    "change",
    [
        lambda person, rubric: person.client.patch(path_of(rubric), {"status": "disabled"}),
        lambda person, rubric: person.client.delete(path_of(rubric)),
        lambda person, rubric: person.client.put(
            f"/plugins/rubrics/organizations/{person.organization_id}", {"status": "disabled"}
        ),
    ],
    ids=["deactivated", "deleted", "off"],
)
def test_what_people_reject_is_no_result_whatever_became_of_the_rubric(
    world: World, owner: Person, make_rubric: Make, make_agent: Make, work: Work, change: Callable[..., Any]
) -> None:
    rubric, approver = make_rubric(on_fail="approval"), world.member(owner, "approver")
    path = start(owner, make_agent(_LONG), work)
    assert change(owner, rubric).status in (200, 204)
    [approval] = owner.client.get("/hitl-approvals").data["items"]
    assert approver.client.post(f"/hitl-approvals/{approval['id']}/reject", {"comment": "Never."}).status == 200
    work()
    execution = owner.client.get(path).data
    assert (execution["status"], (execution["error"] or {}).get("code")) == ("failed", "result_rejected")


def test_a_rubric_of_an_organization_that_has_no_rubrics_any_more_scores_nothing(
    owner: Person, make_rubric: Make, make_agent: Make, work: Work
) -> None:
    make_rubric(on_fail="fail")
    owner.client.put(f"/plugins/rubrics/organizations/{owner.organization_id}", {"status": "disabled"})
    execution = owner.client.get(start(owner, make_agent(_LONG), work)).data
    assert (execution["status"], execution["score"]) == ("succeeded", None)


@pytest.fixture
def judge_id(make_judge: Callable[..., str]) -> str:
    """An engine that finds everything good."""
    return make_judge({"reasons": "Fine.", "level": 3})


def test_no_result_passes_a_gate_because_its_judge_is_halted(
    app: App, owner: Person, make_rubric: Make, make_agent: Make, work: Work, judge_id: str
) -> None:
    make_rubric(JUDGED, judge_engine_id=judge_id, on_fail="fail")
    owner.client.post(f"/engines/{judge_id}/halt", {"reason": "Too dear."})
    path = start(owner, make_agent("Thank you!"), work)
    assert owner.client.get(path).data["status"] == "queued"
    owner.client.post(f"/engines/{judge_id}/resume")
    make_due(app)
    work()
    execution = owner.client.get(path).data
    assert (execution["status"], execution["score"]) == ("succeeded", 1.0)


def test_a_rubric_that_only_records_does_not_wait_for_its_judge(
    owner: Person, make_rubric: Make, make_agent: Make, work: Work, judge_id: str
) -> None:
    make_rubric(JUDGED, judge_engine_id=judge_id)
    owner.client.post(f"/engines/{judge_id}/halt", {"reason": "Too dear."})
    execution = owner.client.get(start(owner, make_agent("Thank you!"), work)).data
    assert (execution["status"], execution["rubric_results"][0]["verdict"]) == ("succeeded", "unscored")


@pytest.mark.long
def test_the_time_of_a_run_is_that_of_its_judge_too(
    owner: Person, make_rubric: Make, make_agent: Make, work: Work, make_judge: Callable[..., str]
) -> None:
    slow = make_judge({"reasons": "Fine.", "level": 3})
    owner.client.patch(f"/engines/{slow}", {"default_parameters": {"replies": ["{}"], "delay_seconds": 30}})
    make_rubric(JUDGED, judge_engine_id=slow)
    agent = make_agent("Thank you!", limits={"timeout_seconds": 1})
    assert owner.client.get(start(owner, agent, work)).data["status"] == "timed_out"


def test_an_agent_that_names_a_rubric_that_is_off_is_not_scored(
    owner: Person, make_rubric: Make, make_agent: Make, work: Work
) -> None:
    rubric = make_rubric(status="disabled")
    path = start(owner, make_agent("Paris", rubric_ids=[rubric["id"]]), work)
    assert "result_scored" not in [line["event"] for line in owner.client.get(f"{path}/logs").data["entries"]]
