"""What is kept of an organization for its epoch, and who learns when that is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import NoScope, organization_scope
from aasim_core.tenancy import epoch
from aasim_core.tenancy.organization_state import OrganizationState, OrganizationStates, cached
from aasim_core.tenancy.records import Organization
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()


def test_what_is_remembered_is_read_once_for_each_epoch_and_argument(app: App, owner: Person) -> None:
    asked: list[Any] = []
    ask = cached(app.organization_states, lambda name: asked.append(name) or len(asked))
    with organization_scope(owner.organization_id):
        assert [ask("a"), ask("a"), ask("b")] == [1, 1, 2]
        with app.database.transaction():
            epoch.bump(owner.organization_id)
        assert [ask("a"), ask("a")] == [3, 3]


def test_what_a_transaction_changed_that_failed_is_not_read_again(app: App, owner: Person) -> None:
    asked: list[str] = []
    ask = cached(app.organization_states, lambda: asked.append("read"))
    with organization_scope(owner.organization_id):
        ask()
        with pytest.raises(KeyError):
            _bump_in_vain(app, owner.organization_id, lambda: None)
        ask()
    assert asked == ["read"]


def test_organizations_remember_apart(app: App, world: World, owner: Person) -> None:
    ask = cached(app.organization_states, object)
    with organization_scope(owner.organization_id):
        mine = ask()
    with organization_scope(world.organization().organization_id):
        assert ask() is not mine


def test_nothing_is_remembered_of_no_organization(app: App) -> None:
    with pytest.raises(NoScope):
        cached(app.organization_states, lambda: None)()


def test_what_somebody_has_read_counts_unless_it_is_older_than_what_is_known(app: App, owner: Person) -> None:
    states, organization_id = OrganizationStates(), owner.organization_id
    known = app.organization_states.of(organization_id)
    newer = OrganizationState(known.authz_epoch + 1, is_halted=True)
    states.note(organization_id, newer)
    states.note(organization_id, known)
    assert states.of(organization_id) == newer


def test_what_a_query_in_progress_sees_is_not_cached_for_a_later_epoch(app: App, world: World, owner: Person) -> None:
    organization_id = owner.organization_id
    ask = cached(app.organization_states, _name_of(organization_id).scalar)
    for _ in range(3):
        world.organization()
    with ThreadPoolExecutor(1) as another, organization_scope(organization_id):
        rows = Organization.select().iterator()
        next(rows)
        another.submit(_rename, app, organization_id).result()
        ask()
        list(rows)
        assert ask() == "Renamed"


def test_what_a_transaction_reads_of_its_own_changes_is_not_cached_unless_it_commits(app: App, owner: Person) -> None:
    name = _name_of(owner.organization_id)
    ask, before = cached(app.organization_states, name.scalar), name.scalar()
    with organization_scope(owner.organization_id):
        with pytest.raises(KeyError):
            _bump_in_vain(app, owner.organization_id, ask)
        assert ask() == before


def _name_of(organization_id: str) -> Any:
    return Organization.select(Organization.name).where(Organization.id == organization_id)


def _rename(app: App, organization_id: str) -> None:
    """Rename the organization, and let this process know the new epoch, as its next request does."""
    with app.database.connected(), organization_scope(organization_id):
        with app.database.transaction():
            epoch.bump(organization_id)
            Organization.update(name="Renamed").where(Organization.id == organization_id).execute()
        app.organization_states.of(organization_id)


def _bump_in_vain(app: App, organization_id: str, ask: Callable[[], object]) -> None:
    """Rename the organization, and ask, in a transaction that is rolled back."""
    with app.database.transaction():
        epoch.bump(organization_id)
        Organization.update(name="Never").where(Organization.id == organization_id).execute()
        ask()
        raise KeyError
