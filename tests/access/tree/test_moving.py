"""Moving a node gives and takes rights: of those who hold roles at the parents, and of those who have positions there."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.access import grants, positions, tree
from aasim_core.access.delegation import Delegator
from aasim_core.access.moving import require_move, require_positions
from aasim_core.access.rights import Holding, Rights
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.data.records import create
from aasim_core.errors import Refused
from aasim_core.testing.world import Person, World
from aasim_plugins.departments.models import Department

pytestmark = pytest.mark.usefixtures("in_transaction")
APPOINT = "departments:appoint"


def mover(app: App, owner: Person, *permissions: str) -> Delegator:
    """Somebody who holds these permissions in the whole organization."""
    held = Holding(frozenset(permissions), tree.root_path(owner.organization_id))
    return Delegator(Rights(owner.organization_id, [held]), "user_mover", app.rights.built_in)


def is_denied(call: Callable[[], Any]) -> bool:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == "permission_denied"
    return True


def headed(world: World, owner: Person, head_id: str | None) -> str:
    """A department with that head; its node's id."""
    node_id = world.node(owner, "department")
    create(Department, id=node_id, name="Care", head_id=head_id)
    return node_id


def test_a_move_needs_what_is_held_at_the_parents_that_change(app: App, world: World, owner: Person) -> None:
    old, new, uninvolved = (world.node(owner, "branch") for _ in range(3))
    project = world.node(owner, "project", old)
    grants.grant("user", "user_viewer", built_in_role("viewer"), new)
    grants.grant("user", "user_admin", built_in_role("admin"), uninvolved)
    reader = mover(app, owner, *app.rights.built_in["viewer"])
    require_move(reader, lambda permission: True, project, old, new)
    assert is_denied(lambda: require_move(mover(app, owner), lambda permission: True, project, None, new))
    require_move(mover(app, owner), lambda permission: permission == "agents:delete", project, None, new)
    assert is_denied(lambda: require_move(reader, lambda permission: True, project, old, uninvolved))


def test_a_move_out_of_a_headed_department_needs_the_permission_to_appoint(app: App, world: World, owner: Person) -> None:
    led, vacant = headed(world, owner, "user_head"), headed(world, owner, None)
    project = world.node(owner, "project", led)
    require_positions(mover(app, owner), [Department], project, None, vacant)
    assert is_denied(lambda: require_positions(mover(app, owner), [Department], project, led, vacant))
    require_positions(mover(app, owner, APPOINT), [Department], project, led, vacant)


def test_the_positions_of_a_member_are_for_those_who_may_appoint_to_them(app: App, world: World, owner: Person) -> None:
    headed(world, owner, "user_head")
    nobody = mover(app, owner).rights
    positions.require_positions_of(nobody, [Department], "user_other")
    assert is_denied(lambda: positions.require_positions_of(nobody, [Department], "user_head"))
    positions.require_positions_of(mover(app, owner, APPOINT).rights, [Department], "user_head")
