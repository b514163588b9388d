"""Approving, rejecting, edits, votes, and who comes first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Answer, Person, World
from aasim_plugins.hitl_approvals.decisions.actions import hash_of
from aasim_plugins.hitl_approvals.models import Approval, Vote
from aasim_plugins.hitl_approvals.service import Approvals

from .conftest import REFUND

Ask = Callable[..., str]


def approve(person: Person, approval_id: str, **body: Any) -> Answer:
    return person.client.post(f"/hitl-approvals/{approval_id}/approve", body)


def reject(person: Person, approval_id: str, **body: Any) -> Answer:
    return person.client.post(f"/hitl-approvals/{approval_id}/reject", body or {"comment": "No."})


def events_of(owner: Person, approval_id: str) -> list[str]:
    with organization_scope(owner.organization_id):
        return [event.name for event in EventRow.select().where(EventRow.subject_id == approval_id).order_by(EventRow.id)]


def test_an_approval_shows_what_is_asked_and_how_it_ended(owner: Person, approver: Person, requester: Person, ask: Ask) -> None:
    approval_id = ask(tool="app:capp_1/refund", step=3, risk="high", summary="Fifty.")
    open_ = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert open_["subject"] == {"execution_id": None, "step": 3, "path": None, "tool": "app:capp_1/refund"}
    assert (open_["status"], open_["payload"], open_["risk"]) == ("pending", REFUND, "high")
    assert (open_["action_hash"], open_["initiator_id"]) == (hash_of(REFUND), requester.user_id)
    assert open_["assignees"] == [{"type": "permission", "id": None}]
    assert (open_["level"], open_["quorum"], open_["votes"], open_["decision"]) == (1, 1, [], None)
    closed = approve(approver, approval_id, comment="Go ahead.", action_hash=open_["action_hash"]).data
    [vote], decision = closed["votes"], closed["decision"]
    assert closed["status"] == "approved"
    assert (vote["user_id"], vote["choice"], vote["comment"], vote["on_behalf_of"]) == (
        approver.user_id,
        "approve",
        "Go ahead.",
        None,
    )
    assert (decision["approved"], decision["user_id"], decision["comment"], decision["edits"]) == (
        True, approver.user_id, "Go ahead.", None,
    )  # fmt: skip
    assert approver.client.get(f"/hitl-approvals/{approval_id}").data == closed
    assert events_of(owner, approval_id) == ["hitl_approvals.requested", "hitl_approvals.approved"]


def test_a_rejection_needs_a_comment_and_ends_it(owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask()
    assert approver.client.post(f"/hitl-approvals/{approval_id}/reject", {}).codes == {"comment": ["required"]}
    rejected = reject(approver, approval_id, comment="Too much.").data
    assert (rejected["status"], rejected["decision"]["approved"]) == ("rejected", False)
    assert events_of(owner, approval_id)[-1] == "hitl_approvals.rejected"


def test_what_is_decided_stays_so(approver: Person, owner: Person, ask: Ask) -> None:
    approval_id = ask()
    approve(approver, approval_id)
    for answer in (
        approve(owner, approval_id),
        reject(owner, approval_id),
        owner.client.post(f"/hitl-approvals/{approval_id}/escalate", {"reason": "Late."}),
    ):
        assert answer.status == 409
        assert answer.codes == {"_": ["already_decided"]}
    assert owner.client.get(f"/hitl-approvals/{approval_id}").data["decision"]["user_id"] == approver.user_id


def test_whoever_saw_another_action_is_told_so(approver: Person, ask: Ask) -> None:
    approval_id = ask()
    for attempt in (
        approve(approver, approval_id, action_hash="0" * 64),
        reject(approver, approval_id, comment="No.", action_hash="0" * 64),
    ):
        assert attempt.status == 409
        assert attempt.codes == {"action_hash": ["action_changed"]}
    assert approve(approver, approval_id, action_hash=hash_of(REFUND)).status == 200


def test_an_edit_makes_the_hash_anew_and_is_kept(approver: Person, ask: Ask) -> None:
    approval_id = ask(editable=["/amount", "/to"])
    approved = approve(approver, approval_id, edits={"/amount": 40, "/to/name": "Ada"}).data
    action = {**REFUND, "amount": 40, "to": {"name": "Ada", "account": "AT1"}}
    assert approved["payload"] == action
    assert approved["action_hash"] == hash_of(action)
    assert approved["decision"]["edits"] == {"/amount": 40, "/to/name": "Ada"}
    assert approved["votes"][0]["action_hash"] == hash_of(action)


def test_an_edit_elsewhere_is_refused_by_its_pointer_and_nothing_is_decided(approver: Person, ask: Ask) -> None:
    approval_id = ask(editable=["/amount"])
    refused = approve(approver, approval_id, edits={"/amount": 40, "/to/account": "XX9"})
    assert refused.status == 422
    assert refused.codes == {"edits./to/account": ["invalid_choice"]}
    unchanged = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert (unchanged["status"], unchanged["payload"]) == ("pending", REFUND)


def test_several_have_to_approve_where_the_quorum_says_so(world: World, owner: Person, approver: Person, ask: Ask) -> None:
    approval_id, second = ask(quorum=2), world.member(owner, "approver")
    first = approve(approver, approval_id, comment="One.").data
    assert (first["status"], len(first["votes"]), first["decision"]) == ("pending", 1, None)
    again = approve(approver, approval_id)
    assert again.codes == {"_": ["already_decided"]}
    assert approve(second, approval_id).data["status"] == "approved"
    assert events_of(owner, approval_id) == ["hitl_approvals.requested", "hitl_approvals.voted", "hitl_approvals.approved"]


def test_one_rejection_is_enough_whatever_the_quorum(approver: Person, owner: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2)
    approve(approver, approval_id)
    assert reject(owner, approval_id).data["status"] == "rejected"


def test_whoever_votes_for_one_action_has_not_voted_for_another(world: World, owner: Person, approver: Person, ask: Ask) -> None:
    approval_id, second = ask(quorum=2, editable=["/amount"]), world.member(owner, "approver")
    approve(approver, approval_id)
    edited = approve(second, approval_id, edits={"/amount": 1}).data
    assert (edited["status"], edited["payload"]["amount"]) == ("pending", 1)
    assert approve(approver, approval_id).codes == {"action_hash": ["action_changed"]}, "they might not have seen the edit"
    agreed = approve(approver, approval_id, action_hash=edited["action_hash"]).data
    assert (agreed["status"], agreed["payload"]["amount"], len(agreed["votes"])) == ("approved", 1, 3)
    assert agreed["decision"]["edits"] == {"/amount": 1}


def test_votes_are_kept(owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2)
    approve(approver, approval_id, comment="Yes.")
    reject(owner, approval_id, comment="No.")
    with organization_scope(owner.organization_id):
        votes = [(vote.user_id, vote.choice, vote.comment) for vote in Vote.select().order_by(Vote.id)]
    assert votes == [(approver.user_id, "approve", "Yes."), (owner.user_id, "reject", "No.")]


@pytest.mark.long
@pytest.mark.parametrize("quorum", [1, 3])
def test_fifty_who_decide_at_once_decide_once(app: App, world: World, owner: Person, ask: Ask, quorum: int) -> None:
    approval_id, people = ask(quorum=quorum), [world.member(owner, "approver") for _ in range(50)]
    start = Barrier(50)

    def act(numbered: tuple[int, Person]) -> Answer:
        number, person = numbered
        start.wait()
        return approve(person, approval_id) if quorum > 1 or number % 2 else reject(person, approval_id)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(act, enumerate(people)))
    assert sorted(answer.status for answer in answers) == [200] * quorum + [409] * (50 - quorum)
    assert {code for answer in answers if answer.status == 409 for code in answer.codes["_"]} == {"already_decided"}
    with organization_scope(owner.organization_id):
        approval = Approval.get_by_id(approval_id)
        votes = list(Vote.select().where(Vote.approval_id == approval_id))
    assert len(votes) == len(approval.votes) == quorum
    assert approval.status in ("approved", "rejected")
    ends = [name for name in events_of(owner, approval_id) if name in ("hitl_approvals.approved", "hitl_approvals.rejected")]
    assert ends == [f"hitl_approvals.{approval.status}"]


@pytest.mark.long
def test_of_a_decision_and_the_end_of_its_time_one_comes_first(app: App, world: World, owner: Person, ask: Ask) -> None:
    approval_id, people = ask(("owner", None)), [world.again(owner) for _ in range(10)]
    start = Barrier(20)

    def decide(person: Person) -> int:
        start.wait()
        return approve(person, approval_id).status

    def time_out(_: object) -> int:
        start.wait()
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            Approvals(app).time_out(approval_id, 1)
        return 0

    with ThreadPoolExecutor(20) as pool:
        ended = [pool.submit(act, person) for person in people for act in (decide, time_out)]
        statuses = [future.result() for future in ended]
    approval = owner.client.get(f"/hitl-approvals/{approval_id}").data
    assert approval["status"] == ("approved" if 200 in statuses else "expired")
    assert statuses.count(200) <= 1
    assert events_of(owner, approval_id) == ["hitl_approvals.requested", f"hitl_approvals.{approval['status']}"]


def test_a_vote_can_be_withdrawn_and_given_anew_until_the_decision(owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2)
    path = f"/hitl-approvals/{approval_id}/withdraw"
    assert approver.client.post(path).codes == {"_": ["invalid_state"]}
    approve(approver, approval_id)
    assert approver.client.post(path).status == 200
    assert approve(owner, approval_id).data["status"] == "pending"
    assert approve(approver, approval_id).data["status"] == "approved"
    assert approver.client.post(path).codes == {"_": ["already_decided"]}
    votes = owner.client.get(f"/hitl-approvals/{approval_id}").data["votes"]
    assert [(vote["user_id"], vote["withdrawn_at"] is not None) for vote in votes] == [
        (approver.user_id, True), (owner.user_id, False), (approver.user_id, False),
    ]  # fmt: skip
    assert "hitl_approvals.vote_withdrawn" in events_of(owner, approval_id)


def test_a_vote_can_be_withdrawn_after_the_approval_went_to_others(world: World, owner: Person, ask: Ask) -> None:
    first, second, above = (world.member(owner, "approver") for _ in range(3))
    approval_id = ask(("user", first.user_id), ("user", second.user_id), quorum=2)
    approve(first, approval_id)
    to = {"type": "user", "id": above.user_id}
    assert second.client.post(f"/hitl-approvals/{approval_id}/escalate", {"to": to, "reason": "Above me."}).status == 200
    assert first.client.post(f"/hitl-approvals/{approval_id}/withdraw").status == 200


def test_the_events_of_edits_say_old_and_new_values_with_secrets_masked(owner: Person, approver: Person, ask: Ask) -> None:
    payload = {"arguments": {"cents": 5000, "note": "", "api_key": "one", "list": [1, 2]}}
    approval_id = ask(payload=payload, editable=["/arguments"], quorum=2)
    values: dict[str, Any] = {"cents": 4000, "note": f"Bearer {'x' * 20}", "api_key": "two", "list/0": 3}
    edits = {f"/arguments/{name}": value for name, value in values.items()}
    edited = approve(approver, approval_id, edits=edits).data
    approve(owner, approval_id, action_hash=edited["action_hash"])
    told = {
        "/arguments/cents": [5000, 4000], "/arguments/note": ["", "***"], "/arguments/api_key": ["***", "***"],
        "/arguments/list/0": [1, 3],
    }  # fmt: skip
    for name in ("voted", "approved"):
        [event] = owner.client.get(f"/activities?subject_id={approval_id}&action=hitl_approvals.{name}").data["items"]
        changes = owner.client.get(f"/activities/{event['id']}").data["changes"]
        assert {pointer: each for pointer, each in changes.items() if pointer.startswith("/")} == told


def test_what_was_proposed_stays_beside_what_was_approved(owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask(payload={"arguments": {"cents": 5000}}, editable=["/arguments"])
    assert owner.client.get(f"/hitl-approvals/{approval_id}").data["proposed_arguments"] is None
    approved = approve(approver, approval_id, edits={"/arguments/cents": 4000}).data
    assert (approved["proposed_arguments"], approved["payload"]) == ({"cents": 5000}, {"arguments": {"cents": 4000}})
    assert approved["proposed_output"] is None


def test_an_approval_names_its_agent_and_who_asked(
    owner: Person, requester: Person, scripted: Callable[..., dict[str, Any]], ask: Ask
) -> None:
    agent = scripted("Hello", name="Refund bot")
    run = owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Hi"}).data
    found = owner.client.get(f"/hitl-approvals/{ask(agent_id=agent['id'], execution_id=run['id'])}").data
    assert found["agent"] == {"id": agent["id"], "name": "Refund bot"}
    name = owner.client.get(f"/users/{requester.user_id}").data["name"]
    assert found["initiator"] == {"id": requester.user_id, "label": name}
