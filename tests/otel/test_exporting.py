"""A collector that is away, slow or full costs nobody anything but the spans, which are counted."""

import socket
import time
from collections.abc import Iterator

import pytest

from aasim_core import Span
from aasim_core.plugins.checks import Unwell
from aasim_plugins.otel.exporting import Exporter
from aasim_plugins.otel.settings import OtelSettings

from ..bench.processes import eventually
from .conftest import Receiver


def span(number: int = 1) -> Span:
    """A request that took a millisecond."""
    return Span("request", "GET /", "organization_1", "a" * 32, f"{number:016x}", None, 1, 1_000_001)


@pytest.fixture
def silent() -> Iterator[str]:
    """Where somebody listens who never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_what_a_silent_collector_leaves_no_room_for_is_dropped_at_once_and_counted(silent: str) -> None:
    exporter = Exporter(OtelSettings(endpoint=silent, queue_size=600))
    began = time.monotonic()
    for number in range(2_000):
        exporter.add(span(number + 1))
    assert time.monotonic() - began < 5  # which one try of the exporter would take twice
    assert 2_000 - 600 - 512 <= exporter.dropped <= 2_000 - 600


@pytest.mark.long
def test_while_the_collector_is_away_it_is_said_in_the_deep_health() -> None:
    exporter = Exporter(OtelSettings(endpoint="http://127.0.0.1:1"))
    exporter.add(span())
    eventually(lambda: exporter.problem, "that the collector is away is noticed")
    with pytest.raises(Unwell, match="takes no spans") as raised:
        exporter.health()
    assert raised.value.facts["dropped"] == 1


@pytest.mark.long
def test_what_waits_is_sent_when_the_process_ends(collector: Receiver) -> None:
    exporter = Exporter(OtelSettings(endpoint=collector.url))
    for number in range(1_000):
        exporter.add(span(number + 1))
    exporter.close()
    assert exporter.health() == {"sent": 1_000, "dropped": 0, "waiting": 0}
