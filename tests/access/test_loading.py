"""Rights as they are loaded: from grants, teams, roles and keys, anew with each change and not before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from aasim_core.access import grants, tree
from aasim_core.access.records import Grant, Role, Team, TeamMember
from aasim_core.access.rights import Rights
from aasim_core.access.roles import BUILT_IN
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import current_organization, organization_scope
from aasim_core.data.records import create
from aasim_core.hookspecs import hookimpl
from aasim_core.tenancy import epoch
from aasim_core.tenancy.feature_switches import switch
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Organization
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


@pytest.fixture
def member(world: World, owner: Person) -> Person:
    """A member who holds nothing yet."""
    person = world.member(owner, "viewer")
    change(world, owner, lambda: grants.revoke_all(person.user_id))
    return person


def change(world: World, owner: Person, action: Callable[[], Any]) -> Any:
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        return action()


def rights_of(app: App, person: Person) -> Rights:
    return app.rights.of(app.authenticator.principal_of_token(str(person.client.token)))


def custom_role(*permissions: str) -> Role:
    role: Role = create(Role, name=f"custom {permissions}", permissions=list(permissions))
    return role


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


# Keys


@pytest.fixture
def key(app: App, owner: Person) -> Principal:
    """The owner's key for reading and running agents."""
    principal = app.authenticator.principal_of_token(str(owner.client.token))
    scopes = frozenset(["agents:read", "agents:execute"])
    return replace(principal, kind="api_key", api_key_id="apikey_1", session_id=None, scopes=scopes)


def current(app: App, owner: Person, key: Principal) -> Principal:
    """The key's principal as the next request has it."""
    return replace(key, authz_epoch=Organization.get_by_id(owner.organization_id).authz_epoch)


def test_a_key_may_what_its_creator_may_within_its_scopes(app: App, key: Principal) -> None:
    rights = app.rights.of(key)
    assert rights.permissions == {"agents:read", "agents:execute"}
    assert rights.allows_at("agents:read", None)


def test_a_key_loses_what_its_creator_loses(app: App, world: World, owner: Person) -> None:
    person = world.member(owner, "builder")
    mine = app.authenticator.principal_of_token(str(person.client.token))
    key = replace(mine, kind="api_key", api_key_id="apikey_1", scopes=frozenset(["agents:create"]))
    assert app.rights.of(key).has_anywhere("agents:create")
    change(world, owner, lambda: grants.revoke_all(person.user_id))
    assert not app.rights.of(current(app, owner, key)).has_anywhere("agents:create")


def test_a_key_of_a_project_reaches_that_project_only(app: App, world: World, owner: Person, key: Principal) -> None:
    project, other = world.node(owner, "project"), world.node(owner, "project")
    rights = app.rights.of(replace(current(app, owner, key), node_id=project))
    assert rights.allows_at("agents:read", project)
    assert not rights.allows_at("agents:read", other)
    assert not rights.allows_at("agents:read", None)


def test_a_key_of_a_project_that_is_gone_reaches_nothing(app: App, key: Principal) -> None:
    assert not app.rights.of(replace(key, node_id="project_gone")).permissions


def test_a_grant_to_a_key_narrows_it(app: App, world: World, owner: Person, key: Principal) -> None:
    branch = world.node(owner, "branch")
    change(world, owner, lambda: grants.grant("api_key", "apikey_1", Role.get(Role.name == "viewer"), branch))
    rights = app.rights.of(current(app, owner, key))
    assert rights.permissions == {"agents:read"}
    assert rights.allows_at("agents:read", branch)
    assert not rights.allows_at("agents:read", None)


def test_a_key_whose_grant_has_ended_reaches_nothing(app: App, world: World, owner: Person, key: Principal) -> None:
    ended = now() - timedelta(seconds=1)
    change(world, owner, lambda: grants.grant("api_key", "apikey_1", custom_role("agents:read"), expires_at=ended))
    assert not app.rights.of(current(app, owner, key)).permissions


def test_a_key_whose_grant_lost_its_place_reaches_nothing(app: App, world: World, owner: Person, key: Principal) -> None:
    branch = world.node(owner, "branch")
    change(world, owner, lambda: grants.grant("api_key", "apikey_1", Role.get(Role.name == "viewer"), branch))
    change(world, owner, lambda: tree.fell(branch))
    assert not app.rights.of(current(app, owner, key)).permissions


def test_keys_with_other_scopes_do_not_share_rights(app: App, key: Principal) -> None:
    assert app.rights.of(key).permissions != app.rights.of(replace(key, scopes=frozenset(["agents:read"]))).permissions


# Features


def test_a_feature_switched_off_is_off_for_that_organization_at_once(app: App, world: World, owner: Person) -> None:
    stranger = world.organization("Other")

    def allowed(person: Person) -> bool:
        return app.features.allowed(app.authenticator.principal_of_token(str(person.client.token)), "agents")

    assert allowed(owner)
    change(world, owner, lambda: switch(owner.organization_id, "agents", False))
    assert (allowed(owner), allowed(stranger)) == (False, True)
    change(world, owner, lambda: switch(owner.organization_id, "agents", True))
    assert allowed(owner)


def test_a_plugin_can_hide_a_feature_and_is_asked_once_an_epoch(app: App, world: World, owner: Person, join: Any) -> None:
    asked: list[str] = []

    class Plans:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool | None:
            asked.append(plugin)
            return False if plugin == "agents" else None

    join(Plans())
    principal = app.authenticator.principal_of_token(str(owner.client.token))
    assert [app.features.allowed(principal, name) for name in ("agents", "engines") * 2] == [False, True] * 2
    assert asked == ["agents", "engines"]


class OnePlan:
    """Turns one plugin off, for an organization, as its record says."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin

    @hookimpl
    def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool | None:
        organization = Organization.get_by_id(current_organization())
        return plugin != self.plugin if organization.name == "Basic" else None


def test_a_plan_is_asked_in_the_organizations_scope_and_again_when_it_changes(
    app: App, world: World, owner: Person, join: Any
) -> None:
    join(OnePlan("agents"))
    assert app.features.allowed_in(owner.organization_id, "agents")

    def downgrade() -> None:
        epoch.bump(owner.organization_id)
        Organization.update(name="Basic").where(Organization.id == owner.organization_id).execute()

    change(world, owner, downgrade)
    assert not app.features.allowed_in(owner.organization_id, "agents")
    assert app.features.allowed_in(world.organization("Other").organization_id, "agents")


def test_one_plugin_that_refuses_a_feature_is_enough(app: App, owner: Person, join: Any) -> None:
    class Generous:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool:
            return True

    class Strict:
        @hookimpl
        def feature_allowed(self, app: Any, organization_id: str, plugin: str) -> bool:
            return plugin != "agents"

    join(Generous()), join(Strict()), join(Generous())
    assert [app.features.allowed_in(owner.organization_id, name) for name in ("agents", "engines")] == [False, True]


def test_where_a_plan_lacks_a_plugin_what_requires_it_is_off_too(app: App, world: World, owner: Person, join: Any) -> None:
    join(OnePlan("engines"))
    change(world, owner, lambda: Organization.update(name="Basic").where(Organization.id == owner.organization_id).execute())
    answers = {path: owner.client.get(path) for path in ("/engines", "/agents", "/teams")}
    assert {path: answer.status for path, answer in answers.items()} == {"/engines": 404, "/agents": 404, "/teams": 200}
    assert answers["/agents"].codes == {"_": ["feature_disabled"]}
    assert not {"agents", "engines"} & set(owner.client.get("/auth/me").data["features"])
