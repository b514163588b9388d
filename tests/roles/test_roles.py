"""Roles: made, changed for all who hold them, cloned, and there for those who may see them."""

from datetime import timedelta

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Role
from aasim_core.access.roles import BUILT_IN
from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import bind
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.principals import member_with
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Client, Person, World

from .holding import MANAGING, built_in, hold, made


def test_a_role_allows_what_it_names(world: World, owner: Person) -> None:
    role = made(owner, "Reader", "agents:read")
    assert (role["permissions"], role["built_in"], role["holders_count"]) == (["agents:read"], False, 0)
    person = member_with(world, owner, [])
    assert person.client.get("/agents").status == 403
    hold(world, person, role["id"])
    assert person.client.get("/agents").status == 200


def test_a_permission_that_there_is_not_is_named_with_the_nearest(owner: Person) -> None:
    answer = owner.client.post("/roles", {"name": "Reader", "permissions": ["agents:read", "agents:reed"]})
    assert answer.codes == {"permissions[1]": ["invalid_choice"]}
    assert 'Did you mean "agents:read"?' in answer.body["errors"]["permissions[1]"][0]["message"]


def test_names_are_unique_also_among_the_built_in_ones(owner: Person) -> None:
    made(owner, "Reader")
    for name in ("Reader", "viewer"):
        assert owner.client.post("/roles", {"name": name}).codes == {"name": ["not_unique"]}


def test_built_in_roles_are_listed_with_what_they_hold(app: App, owner: Person) -> None:
    items = owner.client.get("/roles?built_in=true&limit=100").data["items"]
    assert {item["name"]: set(item["permissions"]) for item in items} == app.rights.built_in
    assert set(app.rights.built_in) == set(BUILT_IN)


def test_roles_are_found_by_what_they_allow(owner: Person) -> None:
    made(owner, "Reader", "agents:read")
    found = {item["name"] for item in owner.client.get("/roles?permissions=agents:read&limit=100").data["items"]}
    assert {"Reader", "viewer", "owner"} <= found and "billing" not in found


def test_whoever_holds_a_role_more_than_once_counts_once_and_not_when_it_has_ended(world: World, owner: Person) -> None:
    role = made(owner, "Reader", "agents:read")
    people = [member_with(world, owner, []) for _ in range(2)]
    for place in (None, world.node(owner, "branch")):
        hold(world, people[0], role["id"], place)
    hold(world, people[1], role["id"], expires_at=now() - timedelta(seconds=1))
    assert owner.client.get(f"/roles/{role['id']}").data["holders_count"] == 1


def test_the_holders_of_all_roles_of_a_page_are_counted_by_one_statement(world: World, owner: Person) -> None:
    expected = {}
    for count in range(3):
        role = made(owner, f"Held {count}", "agents:read")
        expected[role["id"]] = count
        for _ in range(count):
            hold(world, member_with(world, owner, []), role["id"])
    with recorded(world.app.database) as statements:
        items = owner.client.get("/roles?name[contains]=Held").data["items"]
    assert {item["id"]: item["holders_count"] for item in items} == expected
    assert sum("COUNT" in statement.sql for statement in statements) == 1


def test_holders_are_counted_over_their_grants_alone_unless_something_else_is_asked_about(world: World, owner: Person) -> None:
    role, branch = made(owner, "Reader"), world.node(owner, "branch")
    for place in (None, branch):
        hold(world, member_with(world, owner, []), role["id"], place)
    for query, total, joins in (("", 2, 0), ("&place_type=branch", 1, 1)):
        with recorded(world.app.database) as statements:
            page = owner.client.get(f"/roles/{role['id']}/holders?include=total{query}").data["pagination"]
        [counting] = [statement.sql for statement in statements if "COUNT" in statement.sql]
        assert (page["total"], counting.count(" JOIN ")) == (total, joins)


def test_the_holders_of_a_role_are_listed_by_name_and_place(world: World, owner: Person) -> None:
    role, branch = made(owner, "Reader", "agents:read"), world.node(owner, "branch")
    person = member_with(world, owner, [])
    team = owner.client.post("/teams", {"name": "Customer care"}).data["id"]
    owner.client.post(f"/teams/{team}/assign", {"role_id": role["id"], "place": {"type": "organization"}})
    hold(world, person, role["id"], branch)
    hold(world, person, role["id"], expires_at=now() - timedelta(seconds=1))
    items = owner.client.get(f"/roles/{role['id']}/holders?sort=created_at").data["items"]
    assert [(item["subject_type"], item["subject"], item["place"]["type"], item["place"]["id"]) for item in items] == [
        ("team", "Customer care", "organization", owner.organization_id),
        ("user", items[1]["subject"], "branch", branch),
    ]
    assert items[1]["subject"].startswith("Person ")


def test_a_change_acts_on_the_next_request_of_who_holds_the_role(world: World, owner: Person) -> None:
    role = made(owner, "Reader", "agents:read")
    person = member_with(world, owner, [])
    hold(world, person, role["id"])
    assert person.client.get("/agents").status == 200
    owner.client.patch(f"/roles/{role['id']}", {"permissions": ["engines:read"]})
    assert (person.client.get("/agents").status, person.client.get("/engines").status) == (403, 200)


@pytest.mark.long
def test_a_change_acts_in_every_process(app: App, world: World, owner: Person) -> None:
    role = made(owner, "Reader", "agents:read")
    person = member_with(world, owner, [])
    hold(world, person, role["id"])
    other = build_app(app.settings, database=app.database)  # what another process has: its own caches over the same database
    bind(app.database, app.models)
    elsewhere = Client(make_wsgi(other), person.client.token)
    assert elsewhere.get("/agents").status == 200
    owner.client.patch(f"/roles/{role['id']}", {"permissions": []})
    assert elsewhere.get("/agents").status == 403


def test_a_permission_of_a_plugin_that_is_off_is_kept_but_not_added(world: World, owner: Person) -> None:
    old, new = made(owner, "Old")["id"], made(owner, "New")["id"]
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        Role.update(permissions=["gone:read"]).where(Role.id == old).execute()
    changed = owner.client.patch(f"/roles/{old}", {"permissions": ["gone:read", "agents:read"]})
    assert changed.data["permissions"] == ["gone:read", "agents:read"]
    assert owner.client.patch(f"/roles/{new}", {"permissions": ["gone:read"]}).codes == {"permissions[0]": ["invalid_choice"]}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_role_is_locked(owner: Person, name: str) -> None:
    path = f"/roles/{built_in(owner, name)['id']}"
    tried = (("PUT", {"name": "x"}), ("PATCH", {"permissions": []}), ("DELETE", None))
    assert [owner.client.ask(method, path, body).codes for method, body in tried] == [{"_": ["invalid_state"]}] * 3


def test_what_is_not_the_clients_to_say_is_refused(owner: Person) -> None:
    role = made(owner, "Reader")
    for name, value in (("built_in", True), ("holders_count", 5), ("organization_id", owner.organization_id), ("id", role["id"])):
        assert owner.client.post("/roles", {"name": "Other", name: value}).codes == {name: ["unknown_field"]}
        assert owner.client.patch(f"/roles/{role['id']}", {name: value}).codes == {name: ["unknown_field"]}


def test_a_clone_allows_the_same_and_can_be_changed(app: App, owner: Person) -> None:
    viewer = built_in(owner, "viewer")
    cloned = owner.client.post(f"/roles/{viewer['id']}/clone")
    assert (cloned.status, cloned.data["name"], cloned.data["built_in"]) == (201, "viewer (copy)", False)
    assert cloned.data["permissions"] == sorted(app.rights.built_in["viewer"])
    assert owner.client.post(f"/roles/{viewer['id']}/clone").data["name"] == "viewer (copy 2)"
    changed = owner.client.patch(f"/roles/{cloned.data['id']}", {"permissions": ["agents:read"]})
    assert changed.data["permissions"] == ["agents:read"]


def test_a_clone_can_be_given_a_name_that_is_free(owner: Person) -> None:
    viewer = built_in(owner, "viewer")["id"]
    assert owner.client.post(f"/roles/{viewer}/clone", {"name": "Guest"}).data["name"] == "Guest"
    assert owner.client.post(f"/roles/{viewer}/clone", {"name": "Guest"}).codes == {"name": ["not_unique"]}


def test_a_clone_of_what_owners_may_makes_no_owner(world: World, owner: Person) -> None:
    clone = owner.client.post(f"/roles/{built_in(owner, 'owner')['id']}/clone").data
    person = member_with(world, owner, [])
    hold(world, person, clone["id"])
    team = owner.client.post("/teams", {"name": "Team"}).data["id"]
    assign = {"role_id": clone["id"], "place": {"type": "organization"}}
    assert person.client.post(f"/teams/{team}/assign", assign).status == 201
    with organization_scope(owner.organization_id):
        assert not grants.owns(person.user_id, now())


def test_nobody_makes_or_clones_a_role_that_allows_more_than_they_may(world: World, owner: Person) -> None:
    manager = member_with(world, owner, [*MANAGING, "agents:read"])
    assert manager.client.post("/roles", {"name": "One", "permissions": ["agents:read"]}).status == 201
    refused = manager.client.post("/roles", {"name": "Two", "permissions": ["agents:read", "agents:delete"]})
    assert refused.codes == {"_": ["permission_denied"]}
    assert refused.body["errors"]["_"][0]["meta"] == {"missing": ["agents:delete"]}
    assert manager.client.post(f"/roles/{built_in(owner, 'admin')['id']}/clone").status == 403


def test_nobody_widens_the_role_that_they_hold_themselves(world: World, owner: Person) -> None:
    role = made(owner, "Manager", *MANAGING)
    manager = member_with(world, owner, [])
    hold(world, manager, role["id"])
    body = {"permissions": [*MANAGING, "agents:delete"]}
    assert manager.client.patch(f"/roles/{role['id']}", body).codes == {"_": ["permission_denied"]}
    assert manager.client.put(f"/roles/{role['id']}", {"name": "x", **body}).codes == {"_": ["permission_denied"]}


def test_nobody_takes_from_a_role_what_they_do_not_hold(world: World, owner: Person) -> None:
    role = made(owner, "Wide", "agents:read", "agents:delete")["id"]
    manager = member_with(world, owner, [*MANAGING, "agents:read"])
    assert manager.client.patch(f"/roles/{role}", {"permissions": ["agents:read"]}).codes == {"_": ["permission_denied"]}
    assert manager.client.patch(f"/roles/{role}", {"permissions": ["agents:delete"]}).status == 200
    assert manager.client.delete(f"/roles/{role}").codes == {"_": ["permission_denied"]}


def test_what_is_held_in_a_part_of_the_tree_makes_no_role(world: World, owner: Person) -> None:
    manager = member_with(world, owner, MANAGING)
    hold(world, manager, made(owner, "Reader", "agents:read")["id"], world.node(owner, "branch"))
    assert manager.client.post("/roles", {"name": "One", "permissions": ["agents:read"]}).codes == {"_": ["permission_denied"]}


def test_roles_of_another_organization_are_like_none(world: World, owner: Person) -> None:
    role, stranger = made(owner, "Reader")["id"], world.organization("Other").client
    nothing = stranger.get("/roles/role_01h455vb4pex5vsknk084sn02q").body
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/clone"), ("GET", "/holders")):
        answer = stranger.ask(method, f"/roles/{role}{path}", {"name": "x"} if method in ("PATCH", "POST") else None)
        assert (answer.status, answer.body) == (404, nothing)


def test_who_gives_roles_in_a_branch_reads_which_there_are_and_not_who_holds_them(world: World, owner: Person) -> None:
    branch = world.node(owner, "branch")
    manager = member_with(world, owner, ["roles:read", "roles:update", "users:read", "users:assign"], branch)
    role = owner.client.post("/roles", {"name": "Guest", "permissions": ["users:read"]}).data["id"]
    assert "Guest" in {each["name"] for each in manager.client.get("/roles?limit=100").data["items"]}
    assert manager.client.get(f"/roles/{role}").data["permissions"] == ["users:read"]
    assert manager.client.get(f"/roles/{role}/holders").codes == {"_": ["permission_denied"]}
    assert manager.client.patch(f"/roles/{role}", {"name": "Mine"}).codes == {"_": ["permission_denied"]}


def test_who_may_read_no_roles_anywhere_sees_none(world: World, owner: Person) -> None:
    somebody = member_with(world, owner, ["users:read"])
    assert somebody.client.get("/roles").codes == {"_": ["permission_denied"]}
