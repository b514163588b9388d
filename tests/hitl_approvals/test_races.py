"""Who comes first where several act on one approval at the same moment: twenty rounds of each, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.models import Vote

pytestmark = pytest.mark.long

Ask = Callable[..., str]
_ROUNDS = 20
_ENDS = {f"hitl_approvals.{end}" for end in ("approved", "rejected", "expired", "cancelled")}


def at_once(*acts: Callable[[], int]) -> list[int]:
    """The statuses of requests that are sent at the same moment."""
    start = Barrier(len(acts))

    def act(send: Callable[[], int]) -> int:
        start.wait()
        return send()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def sends(person: Person, path: str, **body: Any) -> Callable[[], int]:
    return lambda: person.client.post(path, body).status


def ends_of(owner: Person, approval_id: str) -> list[str]:
    with organization_scope(owner.organization_id):
        return [event.name for event in EventRow.select().where(EventRow.subject_id == approval_id) if event.name in _ENDS]


def test_of_decisions_one_counts(world: World, owner: Person, ask: Ask) -> None:
    people = [world.member(owner, "approver") for _ in range(4)]
    for _ in range(_ROUNDS):
        approval_id = ask()
        path = f"/hitl-approvals/{approval_id}"
        approving = [sends(person, f"{path}/approve") for person in people[:2]]
        rejecting = [sends(person, f"{path}/reject", comment="No.") for person in people[2:]]
        statuses = at_once(*approving, *rejecting)
        assert sorted(statuses) == [200, 409, 409, 409]
        wanted = "approved" if 200 in statuses[:2] else "rejected"
        assert owner.client.get(path).data["status"] == wanted
        assert ends_of(owner, approval_id) == [f"hitl_approvals.{wanted}"]


def test_a_vote_counts_or_is_withdrawn(world: World, owner: Person, ask: Ask) -> None:
    first, second = (world.member(owner, "approver") for _ in range(2))
    for _ in range(_ROUNDS):
        approval_id = ask(quorum=2)
        path = f"/hitl-approvals/{approval_id}"
        assert first.client.post(f"{path}/approve", {}).status == 200
        withdrawn, voted = at_once(sends(first, f"{path}/withdraw"), sends(second, f"{path}/approve"))
        found = owner.client.get(path).data
        with organization_scope(owner.organization_id):
            votes = Vote.select().where(Vote.approval_id == approval_id).count()
        assert (voted, found["status"], votes) == (200, *(("pending", 1) if withdrawn == 200 else ("approved", 2)))


def test_of_a_cancel_and_an_approval_one_comes_first_and_nothing_is_done_after_a_cancel(
    app: App, owner: Person, requester: Person, approver: Person, scripted: Callable[..., dict[str, Any]], work: Callable[[], int],
    shed: Any,
) -> None:  # fmt: skip
    turn = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}
    agent = scripted(turn, "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    for _ in range(_ROUNDS):
        execution_id = requester.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"]
        work()
        approval_id = owner.client.get(f"/executions/{execution_id}").data["approval_id"]
        path = f"/hitl-approvals/{approval_id}"
        cancel, approve = sends(owner, f"/executions/{execution_id}/cancel"), sends(approver, f"{path}/approve")
        cancelled, approved = at_once(cancel, approve)
        assert (cancelled, approved in (200, 409)) == (200, True)
        wanted = "approved" if approved == 200 else "cancelled"
        assert owner.client.get(path).data["status"] == wanted
        assert ends_of(owner, approval_id) == [f"hitl_approvals.{wanted}"]
        work()
        execution = owner.client.get(f"/executions/{execution_id}").data
        assert (execution["status"], execution["approval_id"], shed.used) == ("cancelled", None, [])
