"""Accounts, the organizations that they found, and the first administrator."""

from typing import Any

import pytest

from aasim_core.access.records import Grant, Node, Role
from aasim_core.access.roles import BUILT_IN
from aasim_core.context import organization_scope, system_scope
from aasim_core.errors import Invalid, StartupError
from aasim_core.identity import administrators, sessions
from aasim_core.identity.accounts import create_user, found_organization
from aasim_core.tenancy.records import Membership, Organization, User

GOOD = "gravel-tulip-orbit-94"


def test_a_founder_is_a_member_and_owns_everything(ada: User) -> None:
    with organization_scope(sessions.home_of(ada.id) or ""):
        organization, node, grant = Organization.get(), Node.get(), Grant.get()
        assert (node.id, node.path, node.depth) == (organization.id, f"/{organization.id}/", 1)
        assert (grant.subject_id, grant.node_id, grant.expires_at) == (ada.id, organization.id, None)
        assert Role.get_by_id(grant.role_id).name == "owner"
        assert {role.name for role in Role.select()} == set(BUILT_IN)
        assert Membership.get().user_id == ada.id


def test_an_address_has_one_account_whatever_its_case(app: Any, ada: User) -> None:
    with system_scope("test"), app.database.transaction(), pytest.raises(Invalid) as caught:
        create_user("ADA@Example.com", "Ada", None)
    assert caught.value.problems["email"][0].code == "not_unique"


@pytest.mark.parametrize(("name", "slug"), [
    ("Analytical Engines", "analytical-engines"), ("  Müller & Söhne  ", "muller-sohne"), ("株式会社", "organization"),
    ("-", "organization"), ("a" * 100, "a" * 60),
])  # fmt: skip
def test_the_slug_is_made_of_the_name(app: Any, name: str, slug: str) -> None:
    with system_scope("test"), app.database.transaction():
        owner = create_user("eve@example.com", "Eve", None)
        assert found_organization(name, owner).slug == slug
        assert found_organization(name, owner).slug.startswith(f"{slug[:51]}-")


def test_nothing_is_left_of_a_registration_that_fails_half_way(app: Any) -> None:
    def half() -> None:
        with app.database.transaction():
            found_organization("Half", create_user("eve@example.com", "Eve", None))
            raise ZeroDivisionError

    with system_scope("test"):
        with pytest.raises(ZeroDivisionError):
            half()
        assert [model.select().count() for model in (User, Organization, Node, Role, Grant, Membership)] == [0] * 6


def test_the_first_administrator_has_an_organization_of_their_own(app: Any) -> None:
    assert not administrators.exist(app.database)
    user = administrators.create(app.database, app.passwords, "Root@Example.com", GOOD)
    assert administrators.exist(app.database)
    assert user.email == "root@example.com"
    assert user.is_platform_admin
    stored = User.get_by_id(user.id)
    assert app.passwords.verify(stored.password_hash, GOOD)
    assert stored.password_changed_at is not None
    assert sessions.home_of(user.id) is not None


@pytest.mark.parametrize(("email", "password", "error"), [
    ("root", GOOD, StartupError), ("root@", GOOD, StartupError), ("a b@example.com", GOOD, StartupError),
    ("root@example.com", "short", Invalid), ("root@example.com", "password12345", Invalid),
])  # fmt: skip
def test_no_administrator_is_made_with_a_bad_address_or_password(
    app: Any, email: str, password: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        administrators.create(app.database, app.passwords, email, password)
    assert not administrators.exist(app.database)
