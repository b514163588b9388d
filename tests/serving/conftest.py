"""Callers who send requests with idempotency keys."""

import pytest

from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.serving.idempotency import Idempotency

from .callers import Caller


@pytest.fixture(params=["inside", "outside"])
def caller(database: Database, request: pytest.FixtureRequest) -> Caller:
    bind(database, [Idempotency])
    return Caller(database, inside=request.param == "inside")


@pytest.fixture
def outsider(database: Database) -> Caller:
    """Of an operation that has transactions of its own."""
    bind(database, [Idempotency])
    return Caller(database, inside=False)
