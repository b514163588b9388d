"""Nobody gives what they do not hold at that place and for that long, nor takes it from others."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from aasim_core.access import grants, tree
from aasim_core.access.delegation import Delegator, RoleAssignment, require_fitting, require_place
from aasim_core.access.records import Role, Team
from aasim_core.access.rights import Holding, Rights
from aasim_core.access.roles import built_in_role
from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.data.records import create
from aasim_core.errors import Invalid, Refused
from aasim_core.testing.world import Person, World

pytestmark = pytest.mark.usefixtures("in_transaction")


def of(app: App, person: Person) -> Delegator:
    return Delegator.of(app.rights, app.authenticator.principal_of_token(str(person.client.token)))


def holder(app: App, owner: Person, *permissions: str, until: datetime | None = None) -> Delegator:
    """Somebody who holds these permissions in the whole organization."""
    held = Holding(frozenset(permissions), tree.root_path(owner.organization_id), until)
    return Delegator(Rights(owner.organization_id, [held]), "user_somebody", app.rights.built_in)


def role_of(*permissions: str) -> Role:
    role: Role = create(Role, name=" ".join(permissions), permissions=list(permissions))
    return role


def refusal(call: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == "permission_denied"
    return caught.value


def test_a_role_is_given_where_it_is_held(app: App, world: World, owner: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    project = world.node(owner, "project", branch)
    builder = of(app, world.member(owner, "builder", branch))
    for place in (branch, project):
        builder.require_role(built_in_role("builder"), place)
    for place in (other, owner.organization_id):
        refusal(lambda place=place: builder.require_role(built_in_role("builder"), place))
    refusal(lambda: builder.require_role(built_in_role("admin"), branch))


def test_a_custom_role_is_given_by_who_holds_all_of_it(app: App, owner: Person) -> None:
    reader = holder(app, owner, "agents:read")
    reader.require_role(role_of("agents:read"), owner.organization_id)
    refused = refusal(lambda: reader.require_role(role_of("agents:read", "agents:delete"), owner.organization_id))
    assert refused.problems["_"][0].meta == {"missing": ["agents:delete"]}


def test_nothing_is_given_for_longer_than_it_is_held(app: App, owner: Person) -> None:
    until = now() + timedelta(days=1)
    reader, role = holder(app, owner, "agents:read", until=until), role_of("agents:read")
    reader.require_role(role, owner.organization_id, until)
    refusal(lambda: reader.require_role(role, owner.organization_id, until + timedelta(seconds=1)))
    refusal(lambda: reader.require_role(role, owner.organization_id))


def test_only_owners_make_owners(app: App, world: World, owner: Person) -> None:
    of(app, owner).require_role(built_in_role("owner"), owner.organization_id)
    admin = of(app, world.member(owner, "admin"))
    admin.require_role(built_in_role("admin"), owner.organization_id)
    refusal(lambda: admin.require_role(built_in_role("owner"), owner.organization_id))


def test_an_owner_for_a_time_makes_owners_for_that_time(app: App, world: World, owner: Person) -> None:
    second, until = world.member(owner, "owner"), now() + timedelta(days=1)
    grants.grant("user", second.user_id, built_in_role("owner"), expires_at=until)
    of(app, second).require_role(built_in_role("owner"), owner.organization_id, until)
    refusal(lambda: of(app, second).require_role(built_in_role("owner"), owner.organization_id))


def test_what_no_plugin_declares_is_held_by_who_holds_everything_else(app: App, owner: Person) -> None:
    role = role_of("agents:read", "gone:read")
    of(app, owner).require_role(role, owner.organization_id)
    refusal(lambda: holder(app, owner, "agents:read").require_role(role, owner.organization_id))
    holder(app, owner, "agents:read", "gone:read").require_role(role, owner.organization_id)


def test_what_a_team_holds_is_given_by_who_could_give_each_role_of_it(app: App, world: World, owner: Person) -> None:
    team = create(Team, name="Team", slug="team")
    builder = of(app, world.member(owner, "builder"))
    builder.require_grants_of(team.id)
    grants.grant("team", team.id, built_in_role("builder"), world.node(owner, "branch"))
    builder.require_grants_of(team.id)
    grants.grant("team", team.id, built_in_role("admin"))
    refusal(lambda: builder.require_grants_of(team.id))


def test_what_a_team_held_once_does_not_count(app: App, world: World, owner: Person) -> None:
    team = create(Team, name="Team", slug="team")
    grants.grant("team", team.id, built_in_role("admin"), expires_at=now() - timedelta(seconds=1))
    of(app, world.member(owner, "viewer")).require_grants_of(team.id)


def test_owners_are_people_and_own_the_whole_organization(world: World, owner: Person) -> None:
    own, branch = owner.organization_id, world.node(owner, "branch")
    require_fitting(built_in_role("owner"), own, may_own=True)
    require_fitting(built_in_role("admin"), branch, may_own=False)
    for may_own, place, field in ((False, own, "role"), (True, branch, "place.id")):
        with pytest.raises(Invalid) as caught:
            require_fitting(built_in_role("owner"), place, may_own=may_own)
        assert list(caught.value.problems) == [field]


def test_a_role_that_is_held_for_longer_than_the_granter_holds_it_is_not_shortened_by_them(app: App, owner: Person) -> None:
    role, soon = role_of("agents:read"), now() + timedelta(days=1)
    short = holder(app, owner, "agents:read", until=soon)
    given = RoleAssignment(short, role, owner.organization_id, soon).grant_to("user", "user_other")
    assert (given.created_by, given.expires_at) == (short.user_id, soon)

    RoleAssignment(holder(app, owner, "agents:read"), role, owner.organization_id, None).grant_to("user", "user_other")
    refusal(lambda: RoleAssignment(short, role, owner.organization_id, soon).grant_to("user", "user_other"))


def test_what_has_ended_is_taken_by_anybody(app: App, owner: Person) -> None:
    ended = grants.grant("user", "user_other", built_in_role("admin"), expires_at=now() - timedelta(seconds=1))
    holder(app, owner).require_taking(ended)


@pytest.mark.parametrize(("place", "kind", "field"), [("branch_gone", "branch", "place.id"), (None, "project", "place.type")])
def test_a_place_is_there_and_of_the_kind_that_is_said(
    world: World, owner: Person, place: str | None, kind: str, field: str
) -> None:
    branch = world.node(owner, "branch")
    require_place(branch, "branch")
    with pytest.raises(Invalid) as caught:
        require_place(place or branch, kind)
    assert list(caught.value.problems) == [field]


def test_a_built_in_role_that_there_is_not_is_not_found() -> None:
    with pytest.raises(Refused) as caught:
        built_in_role("emperor")
    assert caught.value.code == "not_found"
