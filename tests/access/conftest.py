"""What the tests of access share."""

from collections.abc import Iterator

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def in_transaction(world: World, owner: Person) -> Iterator[None]:
    """The whole test is one transaction in the owner's organization."""
    with world.app.database.transaction(), organization_scope(owner.organization_id):
        yield
