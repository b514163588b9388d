"""Rights as they are loaded: from grants, teams and roles, anew with each change and not before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine

from aasim_core.access import grants, tree
from aasim_core.access.records import Grant, Role, Team, TeamMember
from aasim_core.access.roles import BUILT_IN
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.data.records import create
from aasim_core.tenancy import epoch
from aasim_core.tenancy.feature_switches import switch
from aasim_core.tenancy.records import Organization
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World

from ..loading import change, custom_role, rights_of


@pytest.fixture
def member(world: World, owner: Person) -> Person:
    """A member who holds nothing yet."""
    person = world.member(owner, "viewer")
    change(world, owner, lambda: grants.revoke_all(person.user_id))
    return person


def test_built_in_roles_hold_what_the_plugins_declare(app: App, world: World, owner: Person) -> None:
    for name in BUILT_IN:
        rights = rights_of(app, world.member(owner, name))
        for permission, declared in app.permissions.items():
            assert rights.allows_at(permission, None) is (name in ("owner", "admin") or name in declared.roles), (
                name,
                permission,
            )


def test_every_role_that_a_permission_names_exists(app: App) -> None:
    assert {role for permission in app.permissions.values() for role in permission.roles} <= set(BUILT_IN)


def test_a_role_held_at_a_node_reaches_what_is_below(app: App, world: World, owner: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    project = world.node(owner, "project", world.node(owner, "department", branch))
    rights = rights_of(app, world.member(owner, "builder", branch))
    assert rights.allows_at("agents:create", branch)
    assert rights.allows_at("agents:create", project)
    assert not rights.allows_at("agents:create", other)
    assert not rights.allows_at("agents:create", None)


def test_a_team_gives_its_members_what_it_holds(app: App, world: World, owner: Person, member: Person) -> None:
    branch = world.node(owner, "branch")

    def join() -> None:
        team = create(Team, name="Blue", slug="blue")
        create(TeamMember, team_id=team.id, user_id=member.user_id)
        grants.grant("team", team.id, Role.get(Role.name == "operator"), branch)

    change(world, owner, join)
    rights = rights_of(app, member)
    assert rights.allows_at("agents:execute", branch)
    assert not rights.allows_at("agents:execute", None)


def test_a_custom_role_holds_its_own_permissions(app: App, world: World, owner: Person, member: Person) -> None:
    change(world, owner, lambda: grants.grant("user", member.user_id, custom_role("agents:read", "gone:read")))
    assert rights_of(app, member).permissions == {"agents:read", "gone:read"}


def test_a_grant_ends_at_its_time(app: App, world: World, owner: Person, member: Person) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        until = now() + timedelta(seconds=60)
        role = change(world, owner, lambda: custom_role("agents:read"))
        change(world, owner, lambda: grants.grant("user", member.user_id, role, expires_at=until))
        assert rights_of(app, member).has_anywhere("agents:read")
        clock.shift(60)
        assert not rights_of(app, member).has_anywhere("agents:read")


CHANGES: dict[str, Callable[[Person], object]] = {
    "a grant": lambda person: grants.grant("user", person.user_id, custom_role("agents:delete")),
    "a grant taken back": lambda person: grants.revoke(Grant.get(Grant.subject_id == person.user_id).id),
    "all grants taken back": lambda person: grants.revoke_all(person.user_id),
    "a node": lambda person: tree.add("branch", "branch_01h455vb4pex5vsknk084sn02q"),
    "a feature switched off": lambda person: switch(person.organization_id, "agents", False),
}


@pytest.mark.parametrize("what", CHANGES)
def test_rights_are_loaded_anew_after(app: App, world: World, owner: Person, what: str) -> None:
    person = world.member(owner, "viewer")
    before = rights_of(app, person)
    change(world, owner, lambda: CHANGES[what](person))
    assert rights_of(app, person) is not before


def test_rights_are_kept_while_nothing_changes(app: App, world: World, owner: Person, member: Person) -> None:
    branch = world.node(owner, "branch")
    change(world, owner, lambda: grants.grant("user", member.user_id, custom_role("agents:read"), branch))
    principal = app.authenticator.principal_of_token(str(member.client.token))
    assert app.rights.of(principal).allows_at("agents:read", branch)
    with recorded(app.database) as seen:
        assert app.rights.of(replace(principal, session_id="another")).allows_at("agents:read", branch)
    assert seen == []


def test_a_change_that_is_undone_is_not_seen(app: App, world: World, owner: Person, member: Person) -> None:
    def half() -> None:
        grants.grant("user", member.user_id, custom_role("agents:delete"))
        raise ZeroDivisionError

    before = rights_of(app, member)
    with pytest.raises(ZeroDivisionError):
        change(world, owner, half)
    assert rights_of(app, member) is before


def test_a_change_in_one_organization_leaves_others_alone(app: App, world: World, owner: Person, member: Person) -> None:
    stranger = world.organization("Other")
    before = rights_of(app, stranger)
    change(world, owner, lambda: grants.grant("user", member.user_id, custom_role("agents:read")))
    assert rights_of(app, stranger) is before


def test_the_epoch_is_only_counted_in_a_transaction(app: App, owner: Person) -> None:
    with pytest.raises(RuntimeError, match="needs a transaction"):
        epoch.bump(owner.organization_id)


def test_changes_at_the_same_time_are_all_counted(app: App, world: World, owner: Person) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def race(_: int) -> None:
        with app.database.connected():
            change(world, owner, lambda: epoch.bump(owner.organization_id))

    before = Organization.get_by_id(owner.organization_id).authz_epoch
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(race, range(24)))
    assert Organization.get_by_id(owner.organization_id).authz_epoch == before + 24
