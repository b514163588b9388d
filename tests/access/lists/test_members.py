"""References to members: to those who are active, and whom the caller may see."""

import pytest

from aasim_core.access.delegation import Delegator
from aasim_core.access.members import is_member, require_member, require_visible_member, visible
from aasim_core.app import App
from aasim_core.errors import Invalid
from aasim_core.tenancy.records import Membership
from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World

pytestmark = pytest.mark.usefixtures("in_transaction")


def of(app: App, person: Person) -> Delegator:
    return Delegator.of(app.rights, app.authenticator.principal_of_token(str(person.client.token)))


def in_branch(person: Person, branch: str) -> Person:
    """The person, as a member of the branch."""
    Membership.update(branch_id=branch).where(Membership.user_id == person.user_id).execute()
    return person


def test_a_member_is_somebody_who_is_active(world: World, owner: Person) -> None:
    suspended = world.member(owner, "viewer")
    Membership.update(status="suspended").where(Membership.user_id == suspended.user_id).execute()
    assert [is_member(user_id) for user_id in (owner.user_id, suspended.user_id, "user_nobody")] == [True, False, False]
    require_member(None, "lead_id")
    with pytest.raises(Invalid) as caught:
        require_member(suspended.user_id, "lead_id")
    assert caught.value.problems["lead_id"][0].code == "invalid_reference"


def test_those_are_visible_whom_the_caller_may_read_and_the_caller(app: App, world: World, owner: Person) -> None:
    branch, other = world.node(owner, "branch"), world.node(owner, "branch")
    reader = member_with(world, owner, ["users:read"], branch)
    near, far = in_branch(world.member(owner, "viewer"), branch), in_branch(world.member(owner, "viewer"), other)
    caller, everybody = of(app, reader), [person.user_id for person in (reader, near, far, owner)]
    assert visible(caller, everybody) == {reader.user_id, near.user_id}
    require_visible_member(caller, None, "lead_id")
    require_visible_member(caller, near.user_id, "lead_id")
    with pytest.raises(Invalid):
        require_visible_member(caller, far.user_id, "lead_id")
