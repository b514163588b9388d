"""Changes of rights that meet: one of them comes first, and nothing is left that neither meant."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

from aasim_core.access import grants, tree
from aasim_core.access.records import Grant, Node, Role
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.errors import Refused
from aasim_core.testing.world import Person, World

ROUNDS = 5


def at_once(app: App, owner: Person, *actions: Callable[[], Any]) -> list[str]:
    """What became of each action, in a transaction and a thread of its own: ``done``, or the code of the refusal."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> str:
        with app.database.connected(), organization_scope(owner.organization_id):
            start.wait()
            try:
                with app.database.transaction():
                    action()
            except Refused as refused:
                return refused.code
            return "done"

    with ThreadPoolExecutor(len(actions)) as pool:
        return sorted(pool.map(run, actions))


def test_of_two_owners_who_leave_at_once_one_stays(app: App, world: World, owner: Person) -> None:
    for _ in range(ROUNDS):
        second = world.member(owner, "owner")
        leaving = [partial(grants.revoke_all, person.user_id) for person in (owner, second)]
        assert at_once(app, owner, *leaving) == ["done", "last_owner"]
        with organization_scope(owner.organization_id), app.database.transaction():
            grants.grant("user", owner.user_id, built_in_role("owner"))
            grants.revoke_all(second.user_id)


def test_a_role_given_twice_at_once_is_held_once(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")

    def give() -> None:
        grants.grant("user", person.user_id, built_in_role("builder"))

    assert at_once(app, owner, *[give] * 4) == ["done"] * 4
    with organization_scope(owner.organization_id):
        assert Grant.select().where(Grant.subject_id == person.user_id).count() == 2


def test_nothing_is_given_at_a_place_that_is_deleted_at_the_same_time(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "viewer")
    with organization_scope(owner.organization_id):
        role = Role.get(Role.name == "builder")
    for _ in range(ROUNDS):
        branch = world.node(owner, "branch")
        give, fell = partial(grants.grant, "user", person.user_id, role, branch), partial(tree.fell, branch)
        outcome = at_once(app, owner, give, fell)
        assert outcome in (["done", "done"], ["done", "not_found"])
        with organization_scope(owner.organization_id):
            assert not Grant.select().where(Grant.node_id.not_in(Node.select(Node.id))).exists()
