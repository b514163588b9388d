"""Passing approvals up: by hand, when nobody decides in time, and to nobody at the end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from time_machine import Traveller, travel

from aasim_core.context import Actor, acting_as, organization_scope
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.models import Approval

Ask = Callable[..., str]
Work = Callable[[], int]
HOUR = 3600


@pytest.fixture
def clock() -> Iterator[Traveller]:
    """A clock that stands still on a Wednesday."""
    with travel("2026-01-14T09:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def ladder(world: World, owner: Person) -> dict[str, Person]:
    """A head of a department and the manager of its branch."""
    return {name: world.member(owner, "approver") for name in ("head", "manager")}


@pytest.fixture
def project(owner: Person, ladder: dict[str, Person]) -> str:
    """A project in a department without a head, which is in one that has one, in a branch with a manager."""
    branch = owner.client.post("/branches", {"name": "Vienna", "manager_id": ladder["manager"].user_id}).data["id"]
    care = owner.client.post("/departments", {"name": "Care", "branch_id": branch, "head_id": ladder["head"].user_id}).data["id"]
    within = owner.client.post("/departments", {"name": "Within", "parent_id": care}).data["id"]
    return str(owner.client.post("/projects", {"name": "Web", "department_id": within}).data["id"])


def shown(approval: Approval) -> tuple[str, int, list[str]]:
    return approval.status, approval.level, [one["type"] for one in approval.assignees]


@pytest.mark.long
def test_what_nobody_decides_goes_up_and_is_not_approved_at_the_end(
    clock: Traveller, project: str, ask: Ask, read: Callable[[str], Approval], work: Work
) -> None:
    approval_id = ask(project_id=project)
    seen = []
    for _ in range(5):
        work()
        seen.append(shown(read(approval_id)))
        clock.shift(72 * HOUR + 1)
    assert seen == [
        ("pending", 1, ["permission"]),
        ("escalated", 2, ["department_head"]),
        ("escalated", 3, ["branch_manager"]),
        ("escalated", 4, ["owner"]),
        ("expired", 4, ["owner"]),
    ]
    decision = read(approval_id).decision
    assert (decision["approved"], decision["user_id"], decision["comment"]) == (False, None, "Nobody decided in time.")


def test_a_rung_on_which_nobody_may_decide_is_left_out(
    clock: Traveller, ladder: dict[str, Person], project: str, ask: Ask, read: Callable[[str], Approval], work: Work
) -> None:
    approval_id = ask(project_id=project, initiator_id=ladder["head"].user_id)
    clock.shift(73 * HOUR)
    work()
    assert shown(read(approval_id)) == ("escalated", 2, ["branch_manager"])


def test_a_head_who_may_not_decide_approvals_is_left_out(
    world: World, owner: Person, project: str, ask: Ask, read: Callable[[str], Approval]
) -> None:
    department = owner.client.get(f"/projects/{project}").data["department_id"]
    owner.client.patch(f"/departments/{department}", {"head_id": world.member(owner, "viewer").user_id})
    assert read(ask(("ladder", None), project_id=project)).assignees[0]["id"] != department


def test_an_approval_that_nobody_may_decide_goes_up_at_once(
    ladder: dict[str, Person], project: str, ask: Ask, read: Callable[[str], Approval]
) -> None:
    head = ladder["head"].user_id
    assert shown(read(ask(("user", head), project_id=project, initiator_id=head))) == ("pending", 2, ["branch_manager"])


def test_the_ladder_begins_at_its_lowest_rung(
    ladder: dict[str, Person], project: str, ask: Ask, read: Callable[[str], Approval]
) -> None:
    assert shown(read(ask(("ladder", None), project_id=project))) == ("pending", 1, ["department_head"])
    assert shown(read(ask(("ladder", None)))) == ("pending", 1, ["owner"])


def test_where_only_the_requester_could_decide_it_waits_until_it_expires(
    clock: Traveller, owner: Person, ask: Ask, read: Callable[[str], Approval], work: Work
) -> None:
    approval_id = ask(("user", owner.user_id), initiator_id=owner.user_id)
    assert shown(read(approval_id)) == ("pending", 1, ["user"])
    clock.shift(73 * HOUR)
    work()
    assert read(approval_id).status == "expired"


def test_the_hours_of_the_branch_count(
    clock: Traveller, owner: Person, project: str, ask: Ask, read: Callable[[str], Approval]
) -> None:
    project_ = owner.client.get(f"/projects/{project}").data
    hours = [
        {"day": day, "opens": "09:00", "closes": "17:00"} for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
    ]
    values = {"timezone": "Europe/Vienna", "business_hours": hours, "holidays": ["2026-01-15"]}
    assert owner.client.patch(f"/branches/{project_['branch_id']}", values).status == 200
    approval = read(ask(project_id=project, due_seconds=16 * HOUR))
    # Seven hours on Wednesday (it is ten in Vienna), none on the holiday, eight on Friday, one on Monday.
    assert approval.due_at == datetime.fromisoformat("2026-01-19T10:00:00+01:00")


def test_without_a_branch_all_hours_count(clock: Traveller, ask: Ask, read: Callable[[str], Approval]) -> None:
    approval = read(ask())
    assert approval.due_at - approval.created_at == timedelta(hours=72)


def test_somebody_who_may_decide_can_put_it_to_the_next_on_the_way_up(
    ladder: dict[str, Person], project: str, approver: Person, ask: Ask
) -> None:
    approval_id = ask(project_id=project)
    passed = approver.client.post(f"/hitl-approvals/{approval_id}/escalate", {"reason": "Beyond me."}).data
    assert (passed["status"], passed["level"], passed["assignees"][0]["type"]) == ("escalated", 2, "department_head")
    assert approver.client.post(f"/hitl-approvals/{approval_id}/approve", {}).status == 403
    head = ladder["head"].client
    assert [item["id"] for item in head.get("/hitl-approvals/pending").data["items"]] == [approval_id]
    assert head.post(f"/hitl-approvals/{approval_id}/approve", {}).data["status"] == "approved"


@pytest.mark.long
def test_of_many_escalations_at_once_by_somebody_one_counts(
    approver: Person, project: str, ask: Ask, read: Callable[[str], Approval]
) -> None:
    approval_id, start = ask(project_id=project), Barrier(8)

    def act(_: int) -> int:
        start.wait()
        return approver.client.post(f"/hitl-approvals/{approval_id}/escalate", {"reason": "Beyond me."}).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(act, range(8)))
    assert (statuses, read(approval_id).level) == ([200] + [403] * 7, 2)


def test_it_can_be_put_to_a_user_a_role_or_a_team(world: World, owner: Person, approver: Person, ask: Ask) -> None:
    other = world.member(owner, "approver")
    team = owner.client.post("/teams", {"name": "Care", "lead_id": other.user_id}).data["id"]
    role = next(role["id"] for role in owner.client.get("/roles").data["items"] if role["name"] == "owner")
    for kind, subject_id in (("user", other.user_id), ("team", team), ("role", role)):
        approval_id = ask()
        body = {"to": {"type": kind, "id": subject_id}, "reason": "Please."}
        passed = approver.client.post(f"/hitl-approvals/{approval_id}/escalate", body).data
        assert passed["assignees"] == [{"type": kind, "id": subject_id}]


def test_it_is_put_only_to_somebody_who_may_decide_it(
    world: World, owner: Person, requester: Person, approver: Person, ask: Ask
) -> None:
    approval_id, viewer = ask(), world.member(owner, "viewer")
    for user_id in (requester.user_id, viewer.user_id, "user_01h455vb4pex5vsknk084sn02q"):
        body = {"to": {"type": "user", "id": user_id}, "reason": "Please."}
        assert approver.client.post(f"/hitl-approvals/{approval_id}/escalate", body).status == 422
    unchanged = approver.client.get(f"/hitl-approvals/{approval_id}").data
    assert (unchanged["status"], unchanged["level"]) == ("pending", 1)


def test_at_the_top_there_is_nobody_to_put_it_to(owner: Person, ask: Ask) -> None:
    approval_id = ask(("owner", None))
    refused = owner.client.post(f"/hitl-approvals/{approval_id}/escalate", {"reason": "Beyond me."})
    assert (refused.status, refused.codes) == (409, {"_": ["invalid_state"]})


def test_votes_count_on_after_it_was_passed_up(owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2)
    approver.client.post(f"/hitl-approvals/{approval_id}/approve", {})
    assert approver.client.post(f"/hitl-approvals/{approval_id}/escalate", {"reason": "Beyond me."}).status == 200
    assert owner.client.post(f"/hitl-approvals/{approval_id}/approve", {}).data["status"] == "approved"


def test_the_time_of_a_level_that_is_over_passes_nothing_up(
    clock: Traveller, approver: Person, ask: Ask, read: Callable[[str], Approval], work: Work
) -> None:
    approval_id = ask()
    clock.shift(71 * HOUR)
    work()
    assert read(approval_id).level == 1


@pytest.mark.long
def test_a_level_needs_no_more_votes_than_people_who_may_decide_there(
    world: World, owner: Person, project: str, ladder: dict[str, Person], ask: Ask, clock: Traveller, work: Work
) -> None:
    first, second = (world.member(owner, "approver") for _ in range(2))
    approval_id = ask(("user", first.user_id), ("user", second.user_id), quorum=2, project_id=project)
    path = f"/hitl-approvals/{approval_id}"
    quorums = [(owner.client.get(path).data[name]) for name in ("quorum", "policy_quorum")]
    clock.shift(72 * HOUR + 1)
    work()
    head = world.again(ladder["head"])
    escalated = head.client.get(path).data
    assert (quorums, escalated["quorum"], escalated["policy_quorum"]) == ([2, 2], 1, 2)
    assert head.client.post(f"{path}/approve", {}).data["status"] == "approved"


def test_people_who_come_to_a_level_later_count_for_its_quorum(world: World, owner: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2)
    path = f"/hitl-approvals/{approval_id}"
    assert owner.client.get(path).data["quorum"] == 1
    world.member(owner, "approver")
    voted = owner.client.post(f"{path}/approve", {}).data
    assert (voted["status"], voted["quorum"]) == ("pending", 2)


def test_what_happens_by_time_is_the_systems_doing(
    owner: Person, requester: Person, clock: Traveller, ask: Ask, work: Work
) -> None:
    with acting_as(Actor("user", requester.user_id, "Grace", "192.0.2.1"), "request-1"):
        approval_id = ask()
    for _ in range(2):
        clock.shift(72 * HOUR + 1)
        work()
    told = {event.name: event for event in events_about(owner, approval_id)}
    by_time = [told[f"hitl_approvals.{name}"] for name in ("escalated", "expired")]
    assert {(event.actor_type, event.actor_id, event.actor_ip, event.request_id) for event in by_time} == {
        ("system", None, None, None)
    }


def test_the_second_escalation_changes_the_level_and_not_the_status(owner: Person, ask: Ask) -> None:
    approval_id = ask(("user", owner.user_id))
    for _ in range(2):
        to = {"type": "user", "id": owner.user_id}
        assert owner.client.post(f"/hitl-approvals/{approval_id}/escalate", {"to": to, "reason": "Mine."}).status == 200
    changes = [event.changes for event in events_about(owner, approval_id) if event.name == "hitl_approvals.escalated"]
    assert changes == [{"status": ["pending", "escalated"], "level": [1, 2]}, {"level": [2, 3]}]


def events_about(owner: Person, approval_id: str) -> list[EventRow]:
    with organization_scope(owner.organization_id):
        return list(EventRow.select().where(EventRow.subject_id == approval_id).order_by(EventRow.id))
