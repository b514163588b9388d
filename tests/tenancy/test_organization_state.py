"""What is kept of an organization for its epoch, and who learns when that is over."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import NoScope, organization_scope
from aasim_core.tenancy import epoch
from aasim_core.tenancy.organization_state import OrganizationState, OrganizationStates, cached
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
            _bump_in_vain(app, owner.organization_id)
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


def _bump_in_vain(app: App, organization_id: str) -> None:
    with app.database.transaction():
        epoch.bump(organization_id)
        raise KeyError
