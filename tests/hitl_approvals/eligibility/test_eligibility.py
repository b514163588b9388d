"""Who may decide an approval, whom it is there for, and what is in whose inbox."""

from typing import Any

import pytest

from aasim_core.access.records import Grant, Role
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.principals import key_of, member_with
from aasim_core.testing.world import Person, World

from ..deciding import Ask, approve, inbox


def listed(person: Person) -> list[str]:
    return [item["id"] for item in person.client.get("/hitl-approvals").data["items"]]


def team_of(owner: Person, *members: Person) -> str:
    team_id: str = owner.client.post("/teams", {"name": "Care"}).data["id"]
    owner.client.post(f"/teams/{team_id}/members", {"user_ids": [member.user_id for member in members]})
    return team_id


@pytest.fixture
def place(owner: Person) -> dict[str, str]:
    """A project in a department in a branch."""
    branch = owner.client.post("/branches", {"name": "Vienna"}).data["id"]
    department = owner.client.post("/departments", {"name": "Care", "branch_id": branch}).data["id"]
    project = owner.client.post("/projects", {"name": "Web", "department_id": department}).data["id"]
    return {"branch": branch, "department": department, "project": project}


def test_without_a_policy_whoever_may_decide_there_decides(
    world: World, owner: Person, approver: Person, place: dict[str, str], ask: Ask
) -> None:
    here, elsewhere = (world.member(owner, "approver", node) for node in (place["department"], world.node(owner, "project")))
    approval_id = ask(project_id=place["project"])
    assert [approval_id in inbox(person) for person in (owner, approver, here, elsewhere)] == [True, True, True, False]
    assert approve(elsewhere, approval_id) == 404
    assert approve(here, approval_id) == 200


def test_a_visible_approval_that_is_put_to_others_is_theirs_to_decide(
    world: World, owner: Person, approver: Person, ask: Ask
) -> None:
    named = world.member(owner, "approver")
    approval_id = ask(("user", named.user_id))
    assert approver.client.get(f"/hitl-approvals/{approval_id}").status == 200
    for verb, body in (("approve", {}), ("reject", {"comment": "No."}), ("escalate", {"reason": "No."})):
        assert approver.client.post(f"/hitl-approvals/{approval_id}/{verb}", body).codes == {"_": ["permission_denied"]}
    assert (inbox(approver), inbox(named)) == ([], [approval_id])
    assert approve(named, approval_id) == 200


def test_a_403_says_why_and_names_a_permission_only_where_it_is_lacking(
    world: World, owner: Person, approver: Person, ask: Ask
) -> None:
    own, others = ask(initiator_id=owner.user_id), ask(("user", approver.user_id))
    viewer = world.member(owner, "viewer")
    told = [
        person.client.post(f"/hitl-approvals/{approval_id}/approve", {}).body["errors"]["_"][0]
        for person, approval_id in ((owner, own), (owner, others), (viewer, others))
    ]
    assert ["yourself" in told[0]["message"], "not assigned to you" in told[1]["message"]] == [True, True]
    assert [(problem.get("meta") or {}).get("permission") for problem in told] == [None, None, "hitl_approvals:decide"]


def test_whoever_asked_may_not_decide_unless_the_policy_says_so(owner: Person, ask: Ask) -> None:
    approval_id, own = (ask(initiator_id=owner.user_id, own_requests=may) for may in (False, True))
    assert approve(owner, approval_id) == 403
    assert inbox(owner) == [own]
    assert approve(owner, own) == 200


def test_whoever_may_not_read_there_sees_what_they_asked_for_and_what_is_put_to_them(
    world: World, owner: Person, place: dict[str, str], ask: Ask
) -> None:
    elsewhere = world.node(owner, "project")
    stranger, named, asking = (world.member(owner, role, elsewhere) for role in ("approver", "approver", "operator"))
    approval_id = ask(("user", named.user_id), project_id=place["project"], initiator_id=asking.user_id)
    assert [listed(person) for person in (stranger, named, asking)] == [[], [approval_id], [approval_id]]
    assert [person.client.get(f"/hitl-approvals/{approval_id}").status for person in (stranger, named, asking)] == [404, 200, 200]
    assert approve(asking, approval_id) == 403
    assert approve(named, approval_id) == 200
    assert listed(named) == [approval_id], "what somebody has decided stays there for them"


def test_a_member_of_a_team_may_decide_as_long_as_they_are_in_it(world: World, owner: Person, ask: Ask) -> None:
    member = world.member(owner, "approver")
    team = team_of(owner, member)
    one, two = ask(("team", team)), ask(("team", team))
    assert approve(member, one) == 200
    owner.client.delete(f"/teams/{team}/members/{member.user_id}")
    assert approve(member, two) == 403
    assert inbox(member) == []


def test_a_role_counts_where_it_is_held_and_while_it_lasts(
    app: App, world: World, owner: Person, place: dict[str, str], ask: Ask
) -> None:
    above, elsewhere = (world.member(owner, "approver", node) for node in (place["branch"], world.node(owner, "project")))
    with organization_scope(owner.organization_id):
        role_id = built_in_role("approver").id
    approval_id = ask(("role", role_id), project_id=place["project"])
    assert [approval_id in inbox(person) for person in (above, elsewhere, owner)] == [True, False, False]
    with organization_scope(owner.organization_id), app.database.transaction():
        Grant.update(expires_at=now()).where(Grant.subject_id == above.user_id).execute()
        Grant.update(expires_at=None, node_id=place["project"]).where(Grant.subject_id == elsewhere.user_id).execute()
    assert (inbox(above), approve(above, approval_id)) == ([], 403)
    assert (inbox(elsewhere), approve(elsewhere, approval_id)) == ([approval_id], 200)


def test_a_role_of_a_team_is_held_by_its_members(app: App, world: World, owner: Person, ask: Ask) -> None:
    member = world.member(owner, "approver")
    team = team_of(owner, member)
    with organization_scope(owner.organization_id), app.database.transaction():
        role = Role.create(name="signers", permissions=[])
        Grant.create(subject_type="team", subject_id=team, role_id=role.id, node_id=owner.organization_id)
    approval_id = ask(("role", role.id))
    assert inbox(member) == [approval_id]


def test_a_role_of_ones_own_that_allows_deciding_is_asked_too(world: World, owner: Person, ask: Ask) -> None:
    member = member_with(world, owner, ["hitl_approvals:read", "hitl_approvals:decide"])
    approval_id = ask()
    assert inbox(member) == [approval_id]
    assert approve(member, approval_id) == 200


def test_the_head_of_a_department_and_the_manager_of_a_branch_decide(
    world: World, owner: Person, place: dict[str, str], ask: Ask
) -> None:
    head, manager = (world.member(owner, "approver") for _ in range(2))
    owner.client.patch(f"/departments/{place['department']}", {"head_id": head.user_id})
    owner.client.patch(f"/branches/{place['branch']}", {"manager_id": manager.user_id})
    by_head = ask(("department_head", None), project_id=place["project"])
    by_manager = ask(("branch_manager", place["branch"]))
    assert (inbox(head), inbox(manager)) == ([by_head], [by_manager])
    assert (approve(manager, by_head), approve(head, by_head), approve(manager, by_manager)) == (403, 200, 200)


def test_a_new_head_decides_what_was_put_to_the_one_before(world: World, owner: Person, place: dict[str, str], ask: Ask) -> None:
    one, other = (world.member(owner, "approver") for _ in range(2))
    owner.client.patch(f"/departments/{place['department']}", {"head_id": one.user_id})
    approval_id = ask(("department_head", place["department"]))
    owner.client.patch(f"/departments/{place['department']}", {"head_id": other.user_id})
    assert (approve(one, approval_id), approve(other, approval_id)) == (403, 200)


def test_a_key_decides_only_where_its_rights_reach(
    app: App, world: World, owner: Person, place: dict[str, str], ask: Ask
) -> None:
    key = key_of(app, world.member(owner, "approver", place["project"]), ["hitl_approvals:read", "hitl_approvals:decide"])
    here, elsewhere = (ask(("user", key.user_id), project_id=node) for node in (place["project"], None))
    assert (inbox(key), listed(key)) == ([here], [here])
    assert (approve(key, here), approve(key, elsewhere)) == (200, 404)


def test_the_inbox_is_sorted_by_risk_and_then_by_what_is_due_first(approver: Person, ask: Ask) -> None:
    wanted: list[Any] = [("high", 60), ("high", 600), ("medium", 60), ("medium", 6_000), ("low", 60)]
    made = {asked: ask(risk=asked[0], due_seconds=asked[1]) for asked in reversed(wanted)}
    assert inbox(approver) == [made[asked] for asked in wanted]
    first = approver.client.get("/hitl-approvals/pending?limit=2").data
    rest = approver.client.get(f"/hitl-approvals/pending?limit=3&cursor={first['pagination']['next_cursor']}").data
    assert [item["id"] for page in (first, rest) for item in page["items"]] == inbox(approver)


def test_what_one_has_voted_on_is_not_in_the_inbox_any_more(world: World, owner: Person, approver: Person, ask: Ask) -> None:
    approval_id = ask(quorum=2, editable=["/amount"])
    approve(approver, approval_id)
    assert inbox(approver) == []
    owner.client.post(f"/hitl-approvals/{approval_id}/approve", {"edits": {"/amount": 1}})
    assert inbox(approver) == [approval_id], "the action is another one now"


def test_lists_are_filtered(approver: Person, ask: Ask) -> None:
    one, two = ask(tool="app:x", risk="low"), ask(tool="app:y", risk="high")
    approve(approver, two)
    for query, found in (
        ("status=pending", [one]),
        ("tool=app:y", [two]),
        ("risk[in]=low,medium", [one]),
        ("q=refund", [two, one]),
    ):
        assert [item["id"] for item in approver.client.get(f"/hitl-approvals?{query}").data["items"]] == found, query
