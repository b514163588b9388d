"""Giving and taking roles, but never the last owner's."""

from datetime import timedelta

import pytest

from aasim_core.access import grants
from aasim_core.access.records import Grant
from aasim_core.access.roles import built_in_role
from aasim_core.clock import now
from aasim_core.errors import Refused
from aasim_core.tenancy.records import Membership, User
from aasim_core.testing.world import Person, World

pytestmark = pytest.mark.usefixtures("in_transaction")


def is_last_owner(call: object) -> bool:
    with pytest.raises(Refused) as caught:
        call()  # type: ignore[operator]
    assert (caught.value.status, caught.value.code) == (409, "last_owner")
    return True


def ownership_of(person: Person) -> str:
    return str(Grant.get(Grant.subject_id == person.user_id).id)


def test_the_last_owner_stays(owner: Person) -> None:
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))
    assert is_last_owner(lambda: grants.revoke_all(owner.user_id))
    assert is_last_owner(lambda: grants.require_other_owner(owner.user_id))


def test_an_owner_may_go_when_there_is_another(world: World, owner: Person) -> None:
    world.member(owner, "owner")
    grants.revoke(ownership_of(owner))
    assert not Grant.select().where(Grant.subject_id == owner.user_id).exists()


def test_an_owner_who_is_suspended_or_only_for_a_time_does_not_count(world: World, owner: Person) -> None:
    second = world.member(owner, "owner")
    Grant.update(expires_at=now() + timedelta(days=1)).where(Grant.subject_id == second.user_id).execute()
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))
    Grant.update(expires_at=None).where(Grant.subject_id == second.user_id).execute()
    Membership.update(status="suspended").where(Membership.user_id == second.user_id).execute()
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))


def test_an_owner_who_cannot_log_in_does_not_count(world: World, owner: Person) -> None:
    second = world.member(owner, "owner")
    User.update(kind="service").where(User.id == second.user_id).execute()
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))


def test_an_owner_of_another_organization_does_not_count(world: World, owner: Person) -> None:
    world.organization("Other")
    assert is_last_owner(lambda: grants.revoke(ownership_of(owner)))


def test_other_roles_are_taken_back_freely(world: World, owner: Person) -> None:
    viewer = world.member(owner, "viewer")
    grants.revoke_all(viewer.user_id)
    assert not Grant.select().where(Grant.subject_id == viewer.user_id).exists()


def test_the_same_grant_again_changes_its_expiry(world: World, owner: Person) -> None:
    viewer, until = world.member(owner, "viewer"), now() + timedelta(days=1)
    grants.grant("user", viewer.user_id, built_in_role("viewer"), expires_at=until)
    (held,) = Grant.select().where(Grant.subject_id == viewer.user_id)
    assert (held.expires_at, held.version) == (until, 2)


def test_the_last_ownership_gets_no_end(owner: Person) -> None:
    until = now() + timedelta(days=1)
    assert is_last_owner(lambda: grants.grant("user", owner.user_id, built_in_role("owner"), expires_at=until))


def test_somebody_owns_for_as_long_as_their_grant_lasts(world: World, owner: Person) -> None:
    second, until = world.member(owner, "owner"), now() + timedelta(days=1)
    grants.grant("user", second.user_id, built_in_role("owner"), expires_at=until)
    assert grants.owns(owner.user_id, None)
    assert grants.owns(second.user_id, until) and grants.owns(second.user_id, now())
    assert not grants.owns(second.user_id, until + timedelta(seconds=1)) and not grants.owns(second.user_id, None)
    assert not grants.owns(world.member(owner, "admin").user_id, now())


def test_lasting_owners_are_those_who_log_in_and_own_without_end(world: World, owner: Person) -> None:
    second, for_a_time, suspended = (world.member(owner, "owner") for _ in range(3))
    Grant.update(expires_at=now() + timedelta(days=1)).where(Grant.subject_id == for_a_time.user_id).execute()
    Membership.update(status="suspended").where(Membership.user_id == suspended.user_id).execute()
    assert grants.lasting_owners() == sorted([owner.user_id, second.user_id])
