"""Finding runs: by project, by who started them, by trigger, error and metadata."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
Run = Callable[..., str]
_SINCE = "created_at[gte]=2020-01-01T00:00:00Z"


@pytest.fixture
def run(owner: Person, scripted: Make, work: Work) -> Run:
    """Runs an agent to its end; returns the run's id."""

    def go(agent: dict[str, Any], person: Person = owner, **body: Any) -> str:
        execution_id = person.client.post(f"/agents/{agent['id']}/execute", {"input": "x", **body}).data["id"]
        work()
        return str(execution_id)

    return go


def found(owner: Person, query: str) -> list[str]:
    return [item["id"] for item in owner.client.get(f"/executions?{query}").data["items"]]


def test_runs_are_found_by_project_and_initiator(owner: Person, world: World, scripted: Make, run: Run) -> None:
    project, colleague = world.node(owner, "project"), world.member(owner, "operator")
    inside = run(scripted("x", name="Inside", project_id=project))
    theirs = run(scripted("x", name="Outside"), colleague)
    assert found(owner, f"project_id={project}") == [inside]
    assert found(owner, "project_id[is_null]=true") == [theirs]
    assert found(owner, f"initiator_id={colleague.user_id}") == [theirs]


def test_runs_are_found_by_trigger_and_error(owner: Person, scripted: Make, run: Run, work: Work) -> None:
    failed = run(scripted({"fault": "refused"}, name="Failing"))
    fine = run(scripted("x"))
    again = owner.client.post(f"/executions/{fine}/retry", {}).data["id"]
    work()
    assert found(owner, "error_code=engine_refused") == [failed]
    assert found(owner, "error_code[in]=engine_refused,budget_exceeded&status=failed") == [failed]
    assert found(owner, "trigger_type=retry") == [again]
    assert found(owner, "trigger_type=api") == [fine, failed]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("metadata=ticket:T-7", [0]),
        ("metadata=ticket:t-7", []),
        ("metadata=ticket:T", []),
        ("metadata=attempt:3", [2, 1]),
        ("metadata=attempt:33", []),
        ("metadata=urgent:true", [1]),
        ("metadata=note:a%3Ab", [2]),
        ("metadata=note:%25", []),
        ("metadata=T-7:ticket", []),
    ],
)
def test_runs_are_found_by_an_entry_of_their_metadata(
    owner: Person, scripted: Make, run: Run, query: str, numbers: list[int]
) -> None:
    agent = scripted("x")
    given = [{"ticket": "T-7"}, {"attempt": 3, "urgent": True}, {"attempt": "3", "note": "a:b"}, {}]
    ids = [run(agent, metadata=metadata) for metadata in given]
    assert found(owner, f"{query}&{_SINCE}") == [ids[number] for number in numbers]


def test_an_entry_needs_a_key_and_a_value(owner: Person) -> None:
    answer = owner.client.get("/executions?metadata=ticket")
    assert answer.codes == {"metadata": ["invalid_parameter"]}
    assert "ticket:T-7" in answer.body["errors"]["metadata"][0]["message"]


@pytest.mark.parametrize(
    "query", ["kind=agent", "metadata=a:b", "finished_at[gte]=2020-01-01T00:00:00Z", "started_at[is_null]=true"]
)
def test_what_no_index_finds_is_asked_with_a_time_or_an_agent(owner: Person, scripted: Make, run: Run, query: str) -> None:
    agent = scripted("x")
    name, asked = query.partition("=")[0], query.format(run=run(agent))
    assert owner.client.get(f"/executions?{asked}").codes == {name: ["invalid_parameter"]}
    for narrower in (_SINCE, f"agent_id={agent['id']}"):
        assert owner.client.get(f"/executions?{asked}&{narrower}").status == 200
    assert owner.client.get(f"/agents/{agent['id']}/executions?{asked}").status == 200


def test_what_few_runs_are_is_found_without_a_time(owner: Person, scripted: Make, run: Run, work: Work) -> None:
    failed, fine = run(scripted({"fault": "refused"}, name="Failing")), run(scripted("x"))
    again = owner.client.post(f"/executions/{fine}/retry", {}).data["id"]
    assert found(owner, "status=queued") == found(owner, "finished_at[is_null]=true") == [again]
    assert found(owner, f"retry_of={fine}") == found(owner, "retry_of[is_null]=false") == [again]
    assert found(owner, "retry_of[is_null]=true") == [fine, failed]
    assert found(owner, "status[in]=failed,timed_out") == [failed]
    assert found(owner, "status[in]=failed,succeeded") == [fine, failed]
    assert found(owner, "waiting_for[is_null]=false") == found(owner, "waiting_for=time") == []
    assert found(owner, "waiting_for[is_null]=true") == [again, fine, failed]


def test_what_was_cancelled_is_found_by_that(owner: Person, scripted: Make, run: Run) -> None:
    fine = run(scripted("x"))
    cancelled = owner.client.post(f"/executions/{fine}/retry", {}).data["id"]
    assert owner.client.post(f"/executions/{cancelled}/cancel", {}).data["error"] is None
    assert found(owner, "status=cancelled") == found(owner, "error_code=cancelled") == [cancelled]
    assert found(owner, "status[in]=cancelled,succeeded") == [cancelled, fine]


def test_no_run_is_looked_for_by_a_part_of_a_word(owner: Person) -> None:
    answer = owner.client.get("/executions?kind[contains]=age")
    assert "kind[in]" in answer.body["errors"]["kind[contains]"][0]["message"]


@pytest.mark.parametrize("asked", ["agent_id[ne]", "agent_id[is_null]", "workflow_id[ne]", "workflow_id[is_null]"])
def test_a_filter_that_may_find_nothing_in_all_runs_needs_a_beginning(owner: Person, scripted: Make, asked: str) -> None:
    value = "false" if "null" in asked else scripted("x")["id"]
    answer = owner.client.get(f"/executions?{asked}={value}")
    assert answer.codes == {asked: ["invalid_parameter"]}
    assert "created_at[gte]" in answer.body["errors"][asked][0]["message"]


def test_runs_are_found_by_the_object_that_they_run(owner: Person, scripted: Make, run: Run) -> None:
    agent, other = scripted("x", name="One"), scripted("x", name="Other")
    first, second = run(agent), run(other)
    assert found(owner, f"agent_id={agent['id']}") == [first]
    assert found(owner, f"agent_id[ne]={agent['id']}&{_SINCE}") == [second]
    assert found(owner, f"agent_id[in]={agent['id']},{other['id']}&agent_version=1") == [second, first]
    of_agents = found(owner, f"agent_id[is_null]=false&{_SINCE}")
    assert of_agents == found(owner, f"workflow_id[is_null]=true&{_SINCE}") == [second, first]
    assert found(owner, f"agent_id[is_null]=true&{_SINCE}") == found(owner, f"workflow_id={agent['id']}") == []
