"""Results that count only as people approve them."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person

Make = Callable[..., dict[str, Any]]
NOT_LONG = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 3}}


@pytest.mark.long
@pytest.mark.parametrize(("output", "code"), [(12345, "output_not_valid"), ({"text": "a" * 1_048_576}, "output_too_long")])
def test_a_result_that_people_edit_must_be_an_output_of_the_agent(
    owner: Person, scripted: Make, work: Callable[[], int], desk: Any, output: Any, code: str
) -> None:
    agent = scripted('{"text": "long"}', output_schema={"type": "object"})
    rubric = {"name": "Short", "criteria": [NOT_LONG], "on_fail": "approval"}
    assert owner.client.post(f"/engines/{agent['engine_id']}/rubrics", rubric).status == 201
    execution_id = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
    work()
    [question] = desk.open.values()
    assert question.schema == {"type": "object"}
    desk.decide(approved=True, output=output)
    work()
    execution = owner.client.get(f"/executions/{execution_id}").data
    assert (execution["status"], execution["error"]["code"]) == ("failed", code)


@pytest.mark.long
def test_a_prompt_that_becomes_too_long_is_not_sent(owner: Person, scripted: Make, work: Callable[[], int]) -> None:
    agent = scripted("Hello.", instructions="{{ input }} " * 5)
    execution_id = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x" * 250_000}).data["id"]
    work()
    execution = owner.client.get(f"/executions/{execution_id}").data
    assert (execution["status"], execution["error"]["code"]) == ("failed", "prompt_too_long")
