"""Lists show the rows within reach: the SQL condition, held against the object check for every row."""

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.access import tree
from aasim_core.access.records import Node
from aasim_core.access.rights import Holding, Rights
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.conditions import all_of
from aasim_core.ids import new_id
from aasim_core.testing.world import Person, World


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
    query = Node.select(Node.id).where(condition.expression(**condition.values))
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
