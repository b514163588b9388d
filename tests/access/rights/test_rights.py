"""What a principal may do, held against a naive reading of the rules."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.access.rights import Holding, Rights, outermost
from aasim_core.access.tree import beyond, root_path
from aasim_core.errors import Refused

ORGANIZATION = "organization_a"
PERMISSIONS = ("agents:read", "agents:update", "agents:delete")


@dataclass(frozen=True)
class World:
    """A tree (each node's parent; the root is 0) and who holds what at which node."""

    parents: tuple[int, ...]
    held: tuple[tuple[frozenset[str], int], ...]

    def ancestry(self, node: int) -> list[int]:
        """The node and all above it, read off the tree one step at a time."""
        return [node] if node == 0 else [node, *self.ancestry(self.parents[node])]

    def path(self, node: int) -> str:
        steps = [ORGANIZATION if step == 0 else f"node_{step}" for step in reversed(self.ancestry(node))]
        return "/" + "".join(f"{step}/" for step in steps)

    def oracle(self, permission: str, node: int) -> bool:
        """The rule itself: somewhere from here up to the root, the permission is held."""
        return any(permission in permissions and place in self.ancestry(node) for permissions, place in self.held)

    def rights(self) -> Rights:
        places = {f"node_{node}": self.path(node) for node in range(len(self.parents))}
        return Rights(ORGANIZATION, [Holding(held, self.path(place)) for held, place in self.held], places.get)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    size = draw(st.integers(1, 14))
    parents = tuple(draw(st.integers(0, max(0, node - 1))) for node in range(size))
    held = st.tuples(st.frozensets(st.sampled_from(PERMISSIONS)), st.integers(0, size - 1))
    return World(parents, tuple(draw(st.lists(held, max_size=5))))


@pytest.mark.long
@given(worlds(), st.sampled_from(PERMISSIONS))
def test_a_permission_is_held_where_the_rule_says(world: World, permission: str) -> None:
    rights = world.rights()
    for node in range(len(world.parents)):
        expected = world.oracle(permission, node)
        assert rights.allows(permission, world.path(node)) is expected
        assert rights.allows_at(permission, f"node_{node}" if node else None) is expected
    assert rights.has_anywhere(permission) is any(permission in held for held, _ in world.held)
    assert rights.reaches_everything(permission) is world.oracle(permission, 0)
    assert (permission in rights.permissions) is rights.has_anywhere(permission)


@pytest.mark.long
@given(worlds(), st.sampled_from(PERMISSIONS))
def test_the_reach_covers_the_nodes_where_the_permission_is_held_and_no_others(world: World, permission: str) -> None:
    reach = world.rights().reach(permission)
    for node in range(len(world.parents)):
        path = world.path(node)
        assert any(start <= path < beyond(start) for start in reach) is world.oracle(permission, node)
    assert not any(one != other and one.startswith(other) for one in reach for other in reach)


@pytest.mark.long
@given(
    worlds(), st.frozensets(st.sampled_from(PERMISSIONS)), st.lists(st.integers(0, 13), max_size=3), st.sampled_from(PERMISSIONS)
)
def test_narrowed_rights_are_what_both_sides_allow(
    world: World, scopes: frozenset[str], places: list[int], permission: str
) -> None:
    places = [place % len(world.parents) for place in places]
    narrowed = world.rights().narrowed(scopes, [world.path(place) for place in places])
    for node in range(len(world.parents)):
        within = any(place in world.ancestry(node) for place in places)
        expected = permission in scopes and within and world.oracle(permission, node)
        assert narrowed.allows(permission, world.path(node)) is expected
        assert narrowed.allows_at(permission, f"node_{node}" if node else None) is expected
        without_places = permission in scopes and world.oracle(permission, node)
        assert world.rights().narrowed(scopes).allows(permission, world.path(node)) is without_places


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=4).map(lambda steps: "/" + "".join(f"{step}/" for step in steps))))
def test_the_outermost_paths_hold_all_paths_once(paths: list[str]) -> None:
    kept = outermost(paths)
    assert all(sum(path.startswith(one) for one in kept) == 1 for path in paths)
    assert set(kept) <= set(paths)


def test_a_node_whose_name_begins_like_another_is_not_below_it() -> None:
    rights = Rights(ORGANIZATION, [Holding(frozenset(["agents:read"]), f"/{ORGANIZATION}/node_1/")])
    assert rights.allows("agents:read", f"/{ORGANIZATION}/node_1/node_2/")
    assert not rights.allows("agents:read", f"/{ORGANIZATION}/node_12/")
    assert not f"/{ORGANIZATION}/node_1/" <= f"/{ORGANIZATION}/node_12/" < beyond(f"/{ORGANIZATION}/node_1/")


def test_a_node_of_another_organization_or_of_none_is_out_of_reach() -> None:
    rights = Rights(ORGANIZATION, [Holding(frozenset(["agents:read"]), f"/{ORGANIZATION}/node_1/")], {"node_x": "/other/"}.get)
    assert not rights.allows_at("agents:read", "node_x")
    assert not rights.allows_at("agents:read", "nowhere")
    assert not rights.allows_at("agents:read", None)


def test_rights_that_are_confined_to_places_do_not_count_for_what_is_shared_elsewhere() -> None:
    held = frozenset(["agents:read"])
    rights = Rights(ORGANIZATION, [Holding(held, f"/{ORGANIZATION}/node_1/")])
    confined = rights.narrowed(held, [f"/{ORGANIZATION}/node_1/node_2/"])
    assert [each.has_for_shared("agents:read") for each in (rights, rights.narrowed(held), confined)] == [True, True, False]
    assert not confined.narrowed(held).has_for_shared("agents:read")


def test_a_missing_permission_is_named() -> None:
    rights = Rights(ORGANIZATION, [Holding(frozenset(["agents:read"]), root_path(ORGANIZATION))])
    rights.require_at("agents:read", "node_1")
    with pytest.raises(Refused) as caught:
        rights.require_at("agents:delete", "node_1")
    assert (caught.value.status, caught.value.code) == (403, "permission_denied")
    assert caught.value.problems["_"][0].meta == {"permission": "agents:delete"}


def test_nobody_gives_away_what_they_do_not_hold() -> None:
    place = f"/{ORGANIZATION}/node_1/"
    rights = Rights(ORGANIZATION, [Holding(frozenset(["agents:read", "agents:update"]), place)], {"node_1": place}.get)
    assert rights.holds_all(["agents:read", "agents:update"], "node_1")
    assert not rights.holds_all(["agents:read", "agents:delete"], "node_1")
    assert not rights.holds_all(["agents:read"], None)


def test_a_permission_that_is_held_nowhere_has_no_places() -> None:
    rights = Rights(
        ORGANIZATION, [Holding(frozenset(["agents:read"]), f"/{ORGANIZATION}/node_1/")], below=lambda paths: ("node_1",)
    )
    assert (rights.nodes_within("agents:read"), rights.nodes_within("agents:delete")) == (("node_1",), ())
