"""Rights of API keys as they are loaded: what the creator may, within the key's scopes, place and grants."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aasim_core.access import grants, tree
from aasim_core.access.records import Role
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.tenancy.principal import Principal
from aasim_core.tenancy.records import Organization
from aasim_core.testing.world import Person, World

from ..loading import change, custom_role


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
