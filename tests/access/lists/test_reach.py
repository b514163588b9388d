"""Lists show the rows within reach: the SQL condition, held against the object check for every row."""

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.access import grants, tree
from aasim_core.access.records import Node
from aasim_core.access.rights import Holding, Rights
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.conditions import all_of
from aasim_core.errors import Invalid
from aasim_core.ids import new_id
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

from ..loading import rights_of


@pytest.fixture
def paths(app: App, world: World, owner: Person) -> dict[str, str]:
    """The path of each node of a tree of every kind; another organization has one as well."""
    stranger = world.organization("Other")
    for person in (owner, stranger):
        for _ in range(2):
            branch = world.node(person, "branch")
            department = world.node(person, "department", branch)
            inner = world.node(person, "department", department)
            for parent in (None, branch, department, inner):
                world.node(person, "project", parent)
    with organization_scope(owner.organization_id):
        return {node.id: node.path for node in Node.select()}


def listed(app: App, organization_id: str, rights: Rights, permission: str) -> set[str]:
    """The ids of the nodes that a list shows, by a query as lists make it."""
    condition = all_of(*rights.reach_condition(permission, Node, "id"))
    query = Node.select(Node.id).where(condition.with_values())
    with organization_scope(organization_id):
        return {node.id for node in query}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_list_shows_what_the_object_check_allows(app: App, owner: Person, paths: dict[str, str], data: st.DataObject) -> None:
    held = data.draw(st.lists(st.sampled_from(sorted(paths.values())), max_size=4))
    rights = Rights(owner.organization_id, [Holding(frozenset(["agents:read"]), path) for path in held], paths.get)
    expected = {node for node in paths if rights.allows_at("agents:read", node)}
    assert listed(app, owner.organization_id, rights, "agents:read") == expected
    assert listed(app, owner.organization_id, rights, "agents:delete") == set()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_list_of_few_places_names_them_and_shows_the_same(
    app: App, owner: Person, paths: dict[str, str], data: st.DataObject
) -> None:
    def below(starts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(node for node, path in paths.items() if path.startswith(starts))

    held = data.draw(st.lists(st.sampled_from(sorted(paths.values())), max_size=4))
    rights = Rights(owner.organization_id, [Holding(frozenset(["agents:read"]), path) for path in held], paths.get, below)
    expected = {node for node in paths if rights.allows_at("agents:read", node)}
    assert listed(app, owner.organization_id, rights, "agents:read") == expected


def test_the_places_of_a_member_follow_the_tree(app: App, world: World, owner: Person) -> None:
    department = world.node(owner, "department")
    member = world.member(owner, "operator", department)
    agent = owner.client.post("/agents", {"name": "One", "project_id": world.node(owner, "project", department)}).data["id"]
    assert [item["id"] for item in member.client.get("/agents").data["items"]] == [agent]
    project = world.node(owner, "project", department)
    other = owner.client.post("/agents", {"name": "Two", "visibility": "project", "project_id": project}).data["id"]
    assert [item["id"] for item in member.client.get("/agents").data["items"]] == [other, agent]
    with app.database.transaction(), organization_scope(owner.organization_id):
        tree.move(project, None)
    assert [item["id"] for item in member.client.get("/agents").data["items"]] == [agent]


def test_what_is_held_at_more_places_than_can_be_named_is_listed_by_the_tree(app: App, world: World, owner: Person) -> None:
    member = member_with(world, owner, [])
    with app.database.transaction(), organization_scope(owner.organization_id):
        projects = [tree.add("project", new_id("project")).id for _ in range(65)]
        for project in projects:
            grants.grant("user", member.user_id, built_in_role("viewer"), project)
    rights = rights_of(app, member)
    assert rights.nodes_within("agents:read") is None
    assert listed(app, owner.organization_id, rights, "agents:read") == set(projects)


def test_where_every_place_is_gone_nothing_is_listed(app: App, owner: Person) -> None:
    held = Holding(frozenset(["agents:read"]), f"/{owner.organization_id}/node_gone/")
    rights = Rights(owner.organization_id, [held], below=lambda paths: ())
    assert listed(app, owner.organization_id, rights, "agents:read") == set()


def test_a_project_is_known_to_those_who_hold_something_there(app: App, world: World, owner: Person) -> None:
    mine, other = world.node(owner, "project"), world.node(owner, "project")
    rights = rights_of(app, world.member(owner, "viewer", mine))
    with organization_scope(owner.organization_id):
        for known in (None, mine):
            rights.require_project(known)
        for unknown in (other, world.node(owner, "branch", None)):
            with pytest.raises(Invalid) as caught:
                rights.require_project(unknown)
            assert caught.value.problems["project_id"][0].code == "invalid_reference"


def test_records_without_a_node_are_the_organizations_own(owner: Person) -> None:
    path = tree.root_path(owner.organization_id)
    everywhere = Rights(owner.organization_id, [Holding(frozenset(["agents:read"]), path)])
    somewhere = Rights(owner.organization_id, [Holding(frozenset(["agents:read"]), f"{path}branch_1/")])
    assert everywhere.reach_condition("agents:read", Node, None) == []
    (condition,) = somewhere.reach_condition("agents:read", Node, None)
    assert isinstance(condition.expression(), peewee.SQL)


def test_postgresql_sorts_paths_byte_by_byte(app: App, world: World, owner: Person) -> None:
    branch = world.node(owner, "branch")
    with organization_scope(owner.organization_id):
        below = Node.select(Node.id).where(Node.path >= f"/{owner.organization_id}/{branch}/")
        assert new_id("branch") > branch
        assert [node.id for node in below] == [branch]
