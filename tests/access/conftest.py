"""What the tests of access share."""

import pytest

from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()
