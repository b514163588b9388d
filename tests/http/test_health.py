"""Health: probes are answered however often they come."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.testing.world import World


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """One anonymous request a minute."""
    return {"rate_limits.enabled": True, "rate_limits.anonymous_per_minute": 1}


@pytest.mark.parametrize("probe", ["live", "ready"])
def test_a_probe_counts_against_no_limit(world: World, probe: str) -> None:
    answers = [world.anonymous.get(f"/health/{probe}") for _ in range(3)]
    assert [answer.data for answer in answers] == [{"status": probe}] * 3


def test_other_anonymous_requests_are_counted(world: World) -> None:
    assert [world.anonymous.get("/openapi.json").status for _ in range(2)] == [200, 429]
