"""How tests make roles and let people hold them."""

import pytest

from aasim_core.testing.world import Person, World


@pytest.fixture
def owner(world: World) -> Person:
    return world.organization()
