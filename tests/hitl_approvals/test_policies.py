"""Policies: what is asked, who decides it, and what a policy may say."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.policies.rules import NAMES, Facts, PolicyDecision, decide_by_policy, is_required

PATH = "/hitl-approvals/policies"


def facts(**given: Any) -> Facts:
    context = {**dict.fromkeys(NAMES), **given.pop("context", {})}
    return Facts(**{"kind": "tool_call", "tool": "app:capp_1/refund", "effect": "pay", **given, "context": context})


def policy(owner: Person, name: str = "Refunds", **values: Any) -> str:
    return str(owner.client.post(PATH, {"name": name, **values}).data["id"])


@pytest.fixture(autouse=True)
def scope(app: App, owner: Person) -> Any:
    """The organization of the owner, for what is looked up directly."""
    with organization_scope(owner.organization_id):
        yield


def test_without_a_policy_nothing_more_is_asked_and_whoever_may_decide_there_does() -> None:
    assert not is_required(facts())
    assert decide_by_policy(facts()) == PolicyDecision(
        assignees=({"type": "permission", "id": None},), quorum=1, due_seconds=72 * 3600
    )


def test_a_policy_says_who_decides_how_many_and_until_when(world: World, owner: Person) -> None:
    assignees = [{"type": "user", "id": world.member(owner, "approver").user_id}, {"type": "department_head", "id": None}]
    policy_id = policy(owner, assignees=assignees, quorum=2, due_seconds=3600, own_requests=True, editable=["/arguments/amount"])
    assert is_required(facts())
    assert decide_by_policy(facts()) == PolicyDecision(
        assignees, 2, 3600, own_requests=True, editable=["/arguments/amount"], policy_id=policy_id
    )


@pytest.mark.parametrize(
    ("values", "met", "not_met"),
    [
        ({"tool": "app:capp_1/*"}, facts(), facts(tool="app:capp_2/refund")),
        ({"tool": "app:*/refund"}, facts(), facts(tool=None)),
        ({"effects": ["pay", "send"]}, facts(), facts(effect="read")),
        ({"effects": ["pay"]}, facts(), facts(effect=None)),
        ({"kinds": ["result"]}, facts(kind="result"), facts()),
        ({"verdicts": ["fail"]}, facts(kind="result", verdict="fail"), facts(kind="result", verdict="review")),
        (
            {"condition": "arguments.amount > 100"},
            facts(context={"arguments": {"amount": 101}}),
            facts(context={"arguments": {"amount": 100}}),
        ),
        (
            {"condition": 'execution.trigger.type == "job_flow"'},
            facts(context={"execution": {"trigger": {"type": "job_flow"}}}),
            facts(context={"execution": {"trigger": {"type": "api"}}}),
        ),
        ({"tool": "app:*", "effects": ["send"]}, facts(effect="send"), facts()),
        ({"status": "disabled"}, None, facts()),
    ],
)  # fmt: skip
def test_a_policy_matches_by_everything_that_it_says(
    owner: Person, values: dict[str, Any], met: Facts | None, not_met: Facts
) -> None:
    policy(owner, **values)
    assert met is None or is_required(met)
    assert not is_required(not_met)


def test_a_condition_that_cannot_be_evaluated_counts_as_met(owner: Person) -> None:
    policy_id = policy(owner, condition="arguments.amount > 100")
    assert is_required(facts(context={"arguments": {"sum": 5}}))
    owner.client.patch(f"{PATH}/{policy_id}", {"condition": "arguments.amount"})
    assert is_required(facts(context={"arguments": {"amount": 0}}))


def test_the_least_position_of_those_that_match_decides(owner: Person) -> None:
    late, first = policy(owner, "Late", position=20), policy(owner, "First", position=10, effects=["pay"])
    assert decide_by_policy(facts()).policy_id == first
    assert decide_by_policy(facts(effect="send")).policy_id == late


def test_a_policy_that_requires_nothing_says_who_decides_what_is_asked_anyway(owner: Person) -> None:
    policy_id = policy(owner, required=False)
    assert not is_required(facts())
    assert decide_by_policy(facts()).policy_id == policy_id


UNKNOWN = "01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"condition": "arguments.amount >"}, {"condition": ["invalid_format"]}),
        ({"condition": "request.amount > 1"}, {"condition": ["invalid_format"]}),
        ({"editable": ["amount"]}, {"editable[0]": ["invalid_format"]}),
        ({"editable": ["/tool"]}, {"editable[0]": ["invalid_format"]}),
        ({"editable": [""]}, {"editable[0]": ["too_short"]}),
        ({"quorum": 0}, {"quorum": ["out_of_range"]}),
        ({"assignees": []}, {"assignees": ["too_short"]}),
        ({"assignees": [{"type": "ladder"}, {"type": "owner"}]}, {"assignees": ["invalid_choice"]}),
        ({"assignees": [{"type": "user"}]}, {"assignees[0].id": ["required"]}),
        ({"assignees": [{"type": "owner", "id": f"role_{UNKNOWN}"}]}, {"assignees[0].id": ["invalid_format"]}),
        ({"assignees": [{"type": "team", "id": f"user_{UNKNOWN}"}]}, {"assignees[0].id": ["invalid_format"]}),
        *(
            ({"assignees": [{"type": kind, "id": f"{prefix}_{UNKNOWN}"}]}, {"assignees[0].id": ["invalid_reference"]})
            for kind, prefix in (
                ("user", "user"), ("role", "role"), ("team", "team"), ("department_head", "dept"), ("branch_manager", "branch"),
            )
        ),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_work_is_refused(owner: Person, values: dict[str, Any], codes: dict[str, list[str]]) -> None:
    assert owner.client.post(PATH, {"name": "Broken", **values}).codes == codes


def test_only_who_manages_approvals_has_to_do_with_policies(world: World, owner: Person) -> None:
    policy_id, approver = policy(owner), world.member(owner, "approver")
    assert approver.client.get(PATH).status == 403
    assert approver.client.delete(f"{PATH}/{policy_id}").status == 403
    assert owner.client.patch(f"{PATH}/{policy_id}", {"quorum": 3}).data["quorum"] == 3
    assert owner.client.delete(f"{PATH}/{policy_id}").status == 200
