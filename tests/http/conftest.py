"""What the tests of requests and answers share."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def quiet() -> Iterator[None]:
    """What goes wrong in the test is not printed."""
    with structlog.testing.capture_logs():
        yield
