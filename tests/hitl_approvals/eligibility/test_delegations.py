"""Delegations: who decides in whose place, until when, and who may give and see them."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy.records import Membership
from aasim_core.testing.world import Person, World

from ..deciding import Ask, approve, inbox

LATER = "2099-01-31T09:00:00Z"


@pytest.mark.long
def test_a_delegate_decides_until_the_delegation_ends(app: App, world: World, owner: Person, ask: Ask) -> None:
    named, delegate = (world.member(owner, "approver") for _ in range(2))
    given = named.client.post("/hitl-approvals/delegations", {"to_user_id": delegate.user_id, "expires_at": LATER}).data
    one, two = ask(("user", named.user_id)), ask(("user", named.user_id))
    assert inbox(delegate) == [one, two]
    vote = delegate.client.post(f"/hitl-approvals/{one}/approve", {}).data["votes"][0]
    assert (vote["user_id"], vote["on_behalf_of"]) == (delegate.user_id, named.user_id)
    assert delegate.client.delete(f"/hitl-approvals/delegations/{given['id']}").status == 403
    assert named.client.delete(f"/hitl-approvals/delegations/{given['id']}").status == 200
    assert (approve(delegate, two), inbox(delegate)) == (403, [])


def test_a_delegation_is_not_passed_on(world: World, owner: Person, ask: Ask) -> None:
    one, two, three = (world.member(owner, "approver") for _ in range(3))
    for granter, taker in ((one, two), (two, three)):
        granter.client.post("/hitl-approvals/delegations", {"to_user_id": taker.user_id, "expires_at": LATER})
    approval_id = ask(("user", one.user_id))
    assert (approve(three, approval_id), approve(two, approval_id)) == (403, 200)


def test_nobody_decides_their_own_request_for_somebody_else_nor_lets_somebody_do_it(
    world: World, owner: Person, ask: Ask
) -> None:
    one, two = (world.member(owner, "approver") for _ in range(2))
    one.client.post("/hitl-approvals/delegations", {"to_user_id": two.user_id, "expires_at": LATER})
    of_giver = ask(("user", one.user_id), initiator_id=one.user_id)
    of_taker = ask(("user", one.user_id), initiator_id=two.user_id)
    assert (approve(two, of_giver), approve(one, of_giver)) == (403, 403)
    assert (approve(two, of_taker), inbox(two)) == (403, [])


def test_one_seat_votes_once_whoever_takes_it(world: World, owner: Person, ask: Ask) -> None:
    one, two = (world.member(owner, "approver") for _ in range(2))
    one.client.post("/hitl-approvals/delegations", {"to_user_id": two.user_id, "expires_at": LATER})
    approval_id = ask(("user", one.user_id), ("user", owner.user_id), quorum=2)
    assert approve(one, approval_id) == 200
    assert (approve(two, approval_id), inbox(two)) == (409, [])
    assert approve(owner, approval_id) == 200


def test_one_person_votes_once_however_many_they_stand_in_for(world: World, owner: Person, ask: Ask) -> None:
    one, two, delegate = (world.member(owner, "approver") for _ in range(3))
    for granter in (one, two):
        granter.client.post("/hitl-approvals/delegations", {"to_user_id": delegate.user_id, "expires_at": LATER})
    approval_id = ask(("user", one.user_id), ("user", two.user_id), quorum=2)
    assert [approve(delegate, approval_id) for _ in range(2)] == [200, 409]


def test_somebody_who_is_no_active_member_lends_nothing(app: App, world: World, owner: Person, ask: Ask) -> None:
    one, two = (world.member(owner, "approver") for _ in range(2))
    one.client.post("/hitl-approvals/delegations", {"to_user_id": two.user_id, "expires_at": LATER})
    approval_id = ask(("user", one.user_id))
    with organization_scope(owner.organization_id), app.database.transaction():
        Membership.update(status="suspended").where(Membership.user_id == one.user_id).execute()
    assert approve(two, approval_id) == 403


def test_delegations_are_there_for_those_whom_they_concern(world: World, owner: Person, approver: Person) -> None:
    other, stranger = (world.member(owner, "approver") for _ in range(2))
    path = "/hitl-approvals/delegations"
    given = approver.client.post(path, {"to_user_id": other.user_id, "expires_at": LATER, "reason": "On holiday."}).data
    assert given["from_user_id"] == approver.user_id
    seen = [person.client.get(f"{path}/{given['id']}").status for person in (approver, other, stranger, owner)]
    assert seen == [200, 200, 404, 200]
    counts = [len(person.client.get(path).data["items"]) for person in (approver, other, stranger, owner)]
    assert counts == [1, 1, 0, 1]


def test_delegations_of_and_to_a_member_end_with_the_membership(world: World, owner: Person, approver: Person) -> None:
    path, leaver = "/hitl-approvals/delegations", world.member(owner, "approver")
    ended = [leaver.client.post(path, {"to_user_id": approver.user_id, "expires_at": LATER}).data["id"]]
    ended.append(approver.client.post(path, {"to_user_id": leaver.user_id, "expires_at": LATER}).data["id"])
    kept = approver.client.post(path, {"to_user_id": owner.user_id, "expires_at": LATER}).data["id"]

    assert owner.client.delete(f"/users/{leaver.user_id}").status == 200
    assert [each["id"] for each in owner.client.get(path).data["items"]] == [kept]
    told = owner.client.get("/activities?action=hitl_approvals.delegation_deleted&occurred_at[gte]=2020-01-01T00:00:00Z").data[
        "items"
    ]
    assert sorted(each["subject"]["id"] for each in told) == sorted(ended)


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"expires_at": "2020-01-31T09:00:00Z"}, {"expires_at": ["out_of_range"]}),
        ({"to_user_id": "user_01h455vb4pex5vsknk084sn02q"}, {"to_user_id": ["invalid_reference"]}),
    ],
)
def test_a_delegation_is_to_a_member_and_into_the_future(
    world: World, owner: Person, approver: Person, body: dict[str, Any], codes: dict[str, list[str]]
) -> None:
    whole = {"to_user_id": world.member(owner, "approver").user_id, "expires_at": LATER, **body}
    assert approver.client.post("/hitl-approvals/delegations", whole).codes == codes


def test_a_member_whom_the_caller_cannot_see_is_like_nobody(world: World, owner: Person, approver: Person, ask: Ask) -> None:
    department = world.node(owner, "department")
    clerk, path = world.member(owner, "approver", department), "/hitl-approvals/delegations"
    refused = clerk.client.post(path, {"to_user_id": approver.user_id, "expires_at": LATER})
    assert refused.codes == {"to_user_id": ["invalid_reference"]}

    for_clerk = {"from_user_id": clerk.user_id, "to_user_id": approver.user_id, "expires_at": LATER}
    given = owner.client.post(path, for_clerk).data["id"]
    same = {"to_user_id": approver.user_id, "expires_at": LATER, "reason": "On holiday."}
    assert clerk.client.put(f"{path}/{given}", same).status == 200

    asked = ask(("user", clerk.user_id))
    to = {"to": {"type": "user", "id": approver.user_id}, "reason": "Not mine."}
    assert clerk.client.post(f"/hitl-approvals/{asked}/escalate", to).codes == {"to.id": ["invalid_reference"]}


def test_nobody_delegates_to_themselves_or_for_somebody_else_unless_they_manage_approvals(
    world: World, owner: Person, approver: Person
) -> None:
    path, other = "/hitl-approvals/delegations", world.member(owner, "approver")
    assert approver.client.post(path, {"to_user_id": approver.user_id, "expires_at": LATER}).codes == {
        "to_user_id": ["invalid_choice"]
    }
    for_other = {"from_user_id": other.user_id, "to_user_id": approver.user_id, "expires_at": LATER}
    assert approver.client.post(path, for_other).codes == {"_": ["permission_denied"]}
    assert owner.client.post(path, for_other).data["from_user_id"] == other.user_id
