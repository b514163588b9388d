"""Installations to break: on SQLite alone, and on PostgreSQL with Redis."""

import os
from collections.abc import Iterator

import pytest

from . import strace
from .deployment import Deployment, deployed
from .till import Till, open_till

_KINDS = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql-redis", marks=[pytest.mark.postgres, pytest.mark.redis]),
]


@pytest.fixture(params=_KINDS)
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A migrated installation of each kind, without processes."""
    queue = request.getfixturevalue("redis_url") if request.param == "postgresql" else None
    with deployed(request.param, queue) as made:
        yield made


@pytest.fixture
def on_sqlite() -> Iterator[Deployment]:
    """A migrated installation on SQLite, without processes."""
    with deployed("sqlite") as made:
        yield made


@pytest.fixture
def till() -> Iterator[Till]:
    """A service that takes payments."""
    with open_till() as till:
        yield till


@pytest.fixture
def needs_strace() -> None:
    """Leave the test out where strace cannot be used; in CI it fails instead."""
    if not strace.is_usable():
        reason = "strace is not installed, or may not trace (Debian: apt install strace)"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and in CI nothing may be left out")
        pytest.skip(reason)


def how_many(name: str, default: int) -> int:
    """How often to try, as `bin/bench faults` says in the environment."""
    return int(os.environ.get(f"FAULTS_{name}", default))
