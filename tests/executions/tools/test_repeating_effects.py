"""Failed runs that have done something are not called retryable, since a new run would do it again."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.testing.world import Person

from .test_tool_calls import call

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def failed(owner: Person, agent: dict[str, Any], work: Work) -> dict[str, Any]:
    execution_id = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"]
    work()
    return dict(owner.client.get(f"/executions/{execution_id}").data)


@pytest.mark.long
@pytest.mark.parametrize(("effect", "retryable"), [("read", True), ("write", False), ("pay", False)])
def test_a_budget_that_is_used_up_after_an_effect_makes_no_run_retryable(
    owner: Person, scripted: Make, work: Work, shed: Any, effect: str, retryable: bool
) -> None:
    tool = {"ref": shed.add("refund", effect=effect), "approval": "never"}
    agent = scripted(call("refund", what="order 7"), "done", name=effect, tools=[tool])
    kept = {"name": "Small", "place": {"type": "agent", "id": agent["id"]}, "max_tokens": 100_000}
    path = f"/budgets/{owner.client.post('/budgets', kept).data['id']}"
    shed.does = lambda use: owner.client.patch(path, {"max_tokens": 1}).status
    run = failed(owner, agent, work)
    assert len(shed.used) == 1
    assert (run["status"], run["error"]["code"], run["error"]["retryable"]) == ("failed", "budget_exceeded", retryable)


@pytest.mark.long
def test_what_an_agent_did_that_was_called_counts_too(owner: Person, scripted: Make, work: Work, shed: Any) -> None:
    pay = {"ref": shed.add("pay", effect="pay"), "approval": "never"}
    helper = scripted(call("pay", what="rent"), "paid", name="Helper", tools=[pay])
    boss = scripted(
        call(helper["slug"], input="Pay."), "no JSON", name="Boss", tools=[{"ref": f"agent:{helper['id']}"}],
        output_schema={"type": "object"},
    )  # fmt: skip
    run = failed(owner, boss, work)
    assert (run["error"]["code"], run["error"]["retryable"]) == ("output_not_json", False)


@pytest.mark.long
def test_a_call_that_was_denied_has_done_nothing(owner: Person, scripted: Make, work: Work, shed: Any, desk: Any) -> None:
    pay = {"ref": shed.add("pay", effect="pay"), "approval": "always"}
    agent = scripted(call("pay", what="rent"), "no JSON", tools=[pay], output_schema={"type": "object"})
    execution_id = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "x"}).data["id"]
    work()
    desk.decide(approved=False, comment="No.")
    work()
    assert owner.client.get(f"/executions/{execution_id}").data["error"]["retryable"] is True
