"""Whatever people do in whatever order: votes, seats and quorum are as a few lines of Python say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.testing.world import Person, World

PEOPLE = 4
#: Who stands in for whom, by number.
DELEGATIONS = st.sets(
    st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)).filter(lambda pair: pair[0] != pair[1]), max_size=3
)
#: Who, whether for or against, and the amount that they write (None: as it is).
STEPS = st.lists(
    st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from(["approve"] * 5 + ["reject"]), st.sampled_from([None, None, 1, 2])),
    min_size=1,
    max_size=8,
)


@dataclass
class Model:
    """What should become of an approval that is put to `seats`."""

    quorum: int
    seats: set[int]
    lent: set[tuple[int, int]]
    amount: int = 0
    status: str = "pending"
    votes: list[tuple[int, int, int]] = field(default_factory=list)

    def act(self, person: int, choice: str, amount: int | None) -> int:
        """Do one thing; returns the status of the answer."""
        mine = [
            seat for seat in [person, *(granter for granter, taker in sorted(self.lent) if taker == person)] if seat in self.seats
        ]
        if not mine:
            return 403
        if self.status != "pending":
            return 409
        wanted = self.amount if amount is None or choice == "reject" else amount
        about = [(voter, seat) for voter, seat, voted in self.votes if voted == wanted]
        free = [seat for seat in mine if seat not in {seat for _, seat in about}]
        if not free or person in {voter for voter, _ in about}:
            return 409
        self.votes.append((person, free[0], wanted))
        if choice == "reject":
            self.status = "rejected"
            return 200
        self.amount = wanted
        if len(about) + 1 >= min(self.quorum, len(self.seats)):
            self.status = "approved"
        return 200


@pytest.fixture
def people(world: World, owner: Person) -> list[Person]:
    """Those who decide, the first ones first in the order of their ids."""
    return sorted((world.member(owner, "approver") for _ in range(PEOPLE)), key=lambda person: person.user_id)


@pytest.mark.long
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(quorum=st.integers(1, 3), seats=st.sets(st.integers(0, PEOPLE - 1), min_size=1), lent=DELEGATIONS, steps=STEPS)
def test_votes_are_counted_as_they_should_be(
    owner: Person, people: list[Person], ask: Callable[..., str], quorum: int, seats: set[int], lent: Any, steps: Any
) -> None:
    given_ = [_lend(owner, people[granter], people[taker]) for granter, taker in lent]
    approval_id = ask(
        *(("user", people[seat].user_id) for seat in seats), payload={"amount": 0}, editable=["/amount"], quorum=quorum
    )
    model = Model(quorum, seats, lent)
    for person, choice, amount in steps:
        seen = owner.client.get(f"/hitl-approvals/{approval_id}").data["action_hash"]
        edits = {"edits": {"/amount": amount}} if choice == "approve" and amount is not None else {}
        body = {"comment": "So.", "action_hash": seen, **edits}
        answer = people[person].client.post(f"/hitl-approvals/{approval_id}/{choice}", body)
        assert answer.status == model.act(person, choice, amount), answer
    found = owner.client.get(f"/hitl-approvals/{approval_id}").data
    number_of = {person.user_id: number for number, person in enumerate(people)}
    votes = [(number_of[vote["user_id"]], number_of[vote["on_behalf_of"] or vote["user_id"]]) for vote in found["votes"]]
    assert (found["status"], found["payload"]["amount"]) == (model.status, model.amount)
    assert votes == [(voter, seat) for voter, seat, _ in model.votes]
    for delegation in given_:
        owner.client.delete(f"/hitl-approvals/delegations/{delegation}")


def _lend(owner: Person, granter: Person, taker: Person) -> str:
    body = {"from_user_id": granter.user_id, "to_user_id": taker.user_id, "expires_at": "2099-01-31T09:00:00Z"}
    return str(owner.client.post("/hitl-approvals/delegations", body).data["id"])
