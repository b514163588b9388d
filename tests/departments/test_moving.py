"""Who may move what in the tree, and who names heads and managers: nobody gives or takes what they do not hold."""

from typing import Any

import pytest

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

PROJECTS = ("projects:read", "projects:update")
DENIED = {"_": ["permission_denied"]}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of Acme."""
    return world.organization("Acme")


def make(owner: Person, plural: str, **values: Any) -> str:
    return str(owner.client.post(f"/{plural}", {"name": "One", **values}).data["id"])


def give(owner: Person, person: Person, role: str, kind: str, place: str) -> None:
    body = {"role": role, "place": {"type": kind, "id": place}}
    assert owner.client.post(f"/users/{person.user_id}/assign", body).status == 201


def missing_in(answer: Any) -> list[str]:
    return list(answer.body["errors"]["_"][0]["meta"]["missing"])


@pytest.mark.long
def test_nobody_moves_a_project_to_where_they_may_do_more(world: World, owner: Person) -> None:
    theirs, mine = make(owner, "projects"), make(owner, "departments")
    agent = make(owner, "agents", project_id=theirs, visibility="project")
    mover = member_with(world, owner, PROJECTS, theirs)
    give(owner, mover, "builder", "department", mine)
    refused = mover.client.patch(f"/projects/{theirs}", {"department_id": mine})
    assert {"agents:read", "agents:delete"} <= set(missing_in(refused))
    assert mover.client.get(f"/agents/{agent}").status == 404


def test_nobody_moves_a_project_to_where_others_may_do_more(world: World, owner: Person) -> None:
    project, department = make(owner, "projects"), make(owner, "departments")
    mover = member_with(world, owner, PROJECTS)
    assert mover.client.patch(f"/projects/{project}", {"department_id": department}).status == 200
    other = make(owner, "departments", name="Other", parent_id=make(owner, "departments", name="Above"))
    team = make(owner, "teams")
    grant = {"role": "approver", "place": {"type": "department", "id": other}}
    assert owner.client.post(f"/teams/{team}/assign", grant).status == 201
    assert "hitl_approvals:decide" in missing_in(mover.client.patch(f"/projects/{project}", {"department_id": other}))


def test_nobody_takes_a_project_from_those_who_may_do_more(world: World, owner: Person) -> None:
    department = make(owner, "departments")
    project = make(owner, "projects", department_id=department)
    mover = member_with(world, owner, PROJECTS)
    member_with(world, owner, ["agents:delete"], department)
    assert missing_in(mover.client.patch(f"/projects/{project}", {"department_id": None})) == ["agents:delete"]


def test_a_department_is_moved_by_the_same_rule_with_all_places_between(world: World, owner: Person) -> None:
    branch = make(owner, "branches")
    between = make(owner, "departments", branch_id=branch)
    moved = make(owner, "departments", name="Moved")
    mover = member_with(world, owner, ["departments:read", "departments:update"])
    member_with(world, owner, ["agents:execute"], branch)
    assert missing_in(mover.client.patch(f"/departments/{moved}", {"parent_id": between})) == ["agents:execute"]


def test_who_looks_after_a_branch_moves_what_is_in_it(world: World, owner: Person) -> None:
    branch = make(owner, "branches")
    one, other = (make(owner, "departments", name=name, branch_id=branch) for name in ("One", "Other"))
    project = make(owner, "projects", department_id=one)
    world.member(owner, "builder", other)
    admin = world.member(owner, "admin", branch)
    assert admin.client.patch(f"/projects/{project}", {"department_id": other}).status == 200


def test_an_agent_is_moved_by_who_holds_all_that_is_held_there_about_agents(world: World, owner: Person) -> None:
    one, other = (make(owner, "projects", name=name) for name in ("One", "Other"))
    agent = make(owner, "agents", project_id=one)
    mover = member_with(world, owner, ["agents:read", "agents:update"])
    member_with(world, owner, ["agents:delete", "budgets:read"], other)
    assert missing_in(mover.client.patch(f"/agents/{agent}", {"project_id": other})) == ["agents:delete"]
    builder = world.member(owner, "builder")
    assert builder.client.patch(f"/agents/{agent}", {"project_id": other}).status == 200


@pytest.mark.parametrize(("plural", "field"), [("departments", "head_id"), ("branches", "manager_id")])
class TestPositions:
    """Heads and managers decide, so naming them takes a permission of its own."""

    def test_a_change_is_not_enough_to_name_somebody(self, world: World, owner: Person, plural: str, field: str) -> None:
        place = make(owner, plural)
        usual = ["users:read", f"{plural}:read", f"{plural}:update", f"{plural}:create"]
        clerk = member_with(world, owner, usual)
        assert clerk.client.patch(f"/{plural}/{place}", {field: clerk.user_id}).codes == DENIED
        assert clerk.client.post(f"/{plural}", {"name": "New", field: clerk.user_id}).codes == DENIED
        assert clerk.client.patch(f"/{plural}/{place}", {"name": "Two"}).status == 200
        namer = member_with(world, owner, [*usual, f"{plural}:appoint"])
        assert namer.client.patch(f"/{plural}/{place}", {field: clerk.user_id}).data[field] == clerk.user_id

    def test_a_change_is_not_enough_to_end_it(self, world: World, owner: Person, plural: str, field: str) -> None:
        place = make(owner, plural, **{field: owner.user_id})
        clerk = member_with(world, owner, [f"{plural}:read", f"{plural}:update"])
        assert clerk.client.patch(f"/{plural}/{place}", {field: None}).codes == DENIED
        assert clerk.client.put(f"/{plural}/{place}", {"name": "Two"}).codes == DENIED

    def test_nobody_takes_it_over_from_who_leaves(self, world: World, owner: Person, plural: str, field: str) -> None:
        head = world.member(owner, "viewer")
        place = make(owner, plural, **{field: head.user_id})
        viewer = world.app.rights.built_in["viewer"]
        clerk = member_with(world, owner, {*viewer, "users:update"})
        body = {"status": "deactivated", "reason": "So it is.", "reassign_to": clerk.user_id}
        assert clerk.client.put(f"/users/{head.user_id}/status", body).codes == DENIED
        assert owner.client.put(f"/users/{head.user_id}/status", body).data["reassigned"] == 1
        assert owner.client.get(f"/{plural}/{place}").data[field] == clerk.user_id

    def test_nobody_takes_over_the_account_of_who_holds_it(self, world: World, owner: Person, plural: str, field: str) -> None:
        head = member_with(world, owner, [])
        make(owner, plural, **{field: head.user_id})
        clerk = member_with(world, owner, ["users:read", "users:update"])
        assert clerk.client.patch(f"/users/{head.user_id}", {"email": "eve@example.com"}).codes == DENIED
        assert clerk.client.patch(f"/users/{head.user_id}", {"name": "Grace"}).status == 200

    def test_a_project_comes_below_one_only_by_who_may_name_one(
        self, world: World, owner: Person, plural: str, field: str
    ) -> None:
        place, project = make(owner, plural, **{field: owner.user_id}), make(owner, "projects")
        body = {"department_id" if plural == "departments" else "branch_id": place}
        mover = member_with(world, owner, PROJECTS)
        assert mover.client.patch(f"/projects/{project}", body).codes == DENIED
        appointing = member_with(world, owner, [*PROJECTS, f"{plural}:appoint"])
        assert appointing.client.patch(f"/projects/{project}", body).status == 200
