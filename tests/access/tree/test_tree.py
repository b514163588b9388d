"""The organization's tree: where things may hang, and moving what hangs below them."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.access import grants, tree
from aasim_core.access.records import Grant, Node, Role
from aasim_core.app import App
from aasim_core.data.records import create
from aasim_core.errors import Invalid, Refused
from aasim_core.ids import new_id
from aasim_core.tenancy.records import Membership
from aasim_core.testing.world import Person, World
from aasim_plugins.departments.models import Department
from aasim_plugins.projects.models import Project

Plant = Callable[..., str]


pytestmark = pytest.mark.usefixtures("in_transaction")


@pytest.fixture
def plant(owner: Person) -> Plant:
    """Adds a node and returns its id."""

    def add(kind: str, parent_id: str | None = None) -> str:
        count = Node.select().count()
        return str(tree.add(kind, f"{kind}_{count}", parent_id).id)

    return add


def path_of(node_id: str) -> str:
    node = Node.get_by_id(node_id)
    assert node.depth == node.path.count("/") - 1
    return str(node.path)


def is_misplaced(call: Callable[[], Any]) -> bool:
    with pytest.raises(Invalid) as caught:
        call()
    assert {name: [p.code for p in problems] for name, problems in caught.value.problems.items()} == {
        "parent_id": ["invalid_reference"]
    }  # fmt: skip
    return True


def test_each_node_knows_its_way_from_the_root(owner: Person, plant: Plant) -> None:
    branch = plant("branch")
    department = plant("department", branch)
    project = plant("project", department)
    assert path_of(project) == f"/{owner.organization_id}/{branch}/{department}/{project}/"
    assert Node.get_by_id(project).parent_id == department


ALLOWED = {
    ("branch", "organization"), ("department", "organization"), ("department", "branch"), ("department", "department"),
    ("project", "organization"), ("project", "branch"), ("project", "department"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["branch", "department", "project"])
@pytest.mark.parametrize("parent", ["organization", "branch", "department", "project"])
def test_each_kind_hangs_where_it_belongs(owner: Person, plant: Plant, kind: str, parent: str) -> None:
    place = None if parent == "organization" else plant(parent)
    if (kind, parent) in ALLOWED:
        assert path_of(plant(kind, place)).endswith(f"/{kind}_{Node.select().count() - 1}/")
    else:
        assert is_misplaced(lambda: plant(kind, place))


def test_nothing_hangs_on_what_is_not_there_or_another_organizations(app: App, world: World, owner: Person, plant: Plant) -> None:
    assert is_misplaced(lambda: plant("project", "branch_nowhere"))
    stranger = world.organization("Other")
    assert is_misplaced(lambda: plant("project", stranger.organization_id))


def test_a_tree_has_six_levels(plant: Plant) -> None:
    parent = plant("branch")
    for _ in range(4):
        parent = plant("department", parent)
    assert is_misplaced(lambda: plant("project", parent))


def test_moving_takes_everything_below_along(owner: Person, plant: Plant) -> None:
    old, new = plant("branch"), plant("branch")
    department = plant("department", old)
    inner = plant("department", department)
    project, other = plant("project", inner), plant("project", old)
    tree.move(department, new)
    assert path_of(department) == f"/{owner.organization_id}/{new}/{department}/"
    assert path_of(project) == f"/{owner.organization_id}/{new}/{department}/{inner}/{project}/"
    assert path_of(other) == f"/{owner.organization_id}/{old}/{other}/"
    assert Node.get_by_id(department).parent_id == new
    tree.move(department, None)
    assert path_of(project) == f"/{owner.organization_id}/{department}/{inner}/{project}/"


def test_a_node_does_not_hang_on_itself_or_below(plant: Plant) -> None:
    department = plant("department")
    inner = plant("department", department)
    assert is_misplaced(lambda: tree.move(department, department))
    assert is_misplaced(lambda: tree.move(department, inner))


def test_a_move_may_not_go_too_deep(plant: Plant) -> None:
    tall = plant("department")
    plant("department", plant("department", tall))
    deep = plant("department", plant("department", plant("department")))
    assert is_misplaced(lambda: tree.move(tall, deep))


def test_a_move_may_not_break_the_order_of_kinds(plant: Plant) -> None:
    branch, project = plant("branch"), plant("project")
    assert is_misplaced(lambda: tree.move(branch, project))
    assert is_misplaced(lambda: tree.move(branch, plant("branch")))


def test_a_felled_node_takes_its_grants_along(owner: Person, plant: Plant) -> None:
    branch = plant("branch")
    grants.grant("user", "user_x", Role.get(Role.name == "viewer"), branch)
    tree.fell(branch)
    assert Node.get_or_none(Node.id == branch) is None
    assert not Grant.select().where(Grant.node_id == branch).exists()


def test_a_node_that_carries_others_is_not_felled(plant: Plant) -> None:
    branch = plant("branch")
    department = plant("department", branch)
    with pytest.raises(Refused) as caught:
        tree.fell(branch)
    assert (caught.value.code, caught.value.problems["_"][0].meta) == ("in_use", {"children": [department]})


def test_the_root_stays_where_it_is(owner: Person, plant: Plant) -> None:
    for attempt in (lambda: tree.fell(owner.organization_id), lambda: tree.move(owner.organization_id, plant("department"))):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "not_found"


def test_a_node_is_found_by_its_id_if_it_is_of_the_kind(world: World, owner: Person) -> None:
    branch = world.node(owner, "branch")
    assert tree.find(branch, "branch").id == branch
    for node_id, kind in ((branch, "department"), (new_id("branch"), "branch"), ("nothing", "branch")):
        with pytest.raises(Refused) as caught:
            tree.find(node_id, kind)
        assert caught.value.code == "not_found"


def test_the_nearest_of_a_kind_is_on_the_way_up(world: World, owner: Person) -> None:
    branch = world.node(owner, "branch")
    outer = world.node(owner, "department", branch)
    inner = world.node(owner, "department", outer)
    project = tree.find(world.node(owner, "project", inner), "project")
    assert [tree.nearest(project, kind) for kind in ("project", "department", "branch")] == [project.id, inner, branch]
    assert tree.nearest(tree.find(world.node(owner, "project"), "project"), "branch") is None


def test_the_branch_of_all_that_is_below_a_node_moves_with_it(world: World, owner: Person) -> None:
    department, branch = world.node(owner, "department"), world.node(owner, "branch")
    project, other = world.node(owner, "project", department), world.node(owner, "project")
    create(Department, id=department, name="Care")
    for node_id in (project, other):
        create(Project, id=node_id, name=node_id)
    models = [Department, Project, Membership]

    def branches() -> list[str | None]:
        return [Department.get_by_id(department).branch_id, *(Project.get_by_id(each).branch_id for each in (project, other))]

    tree.carry(models, department, branch)
    assert branches() == [branch, branch, None]
    tree.carry(models, department, None)
    assert branches() == [None, None, None]
