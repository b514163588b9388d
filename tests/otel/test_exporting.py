"""A collector that is away, slow or full costs nobody anything but the spans, which are counted."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

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


@pytest.fixture
def exporters() -> Iterator[Callable[..., Exporter]]:
    """Makes exporters of these settings, which end with the test."""
    made: list[Exporter] = []

    def make(clock: Callable[[], float] = time.monotonic, **settings: Any) -> Exporter:
        made.append(Exporter(OtelSettings(**settings), clock))
        return made[-1]

    yield make
    for exporter in made:
        exporter.close()


@pytest.mark.long
@pytest.mark.parametrize("queue_size", [4096, 2])
def test_a_quiet_process_sends_each_span_within_seconds(
    collector: Receiver, exporters: Callable[..., Exporter], queue_size: int
) -> None:
    exporter = exporters(endpoint=collector.url, queue_size=queue_size)
    for number in (1, 2):
        exporter.add(span(number))
        eventually(lambda number=number: exporter.sent == number, "that the span is sent though no other comes")


@pytest.mark.long
def test_a_span_that_waits_for_long_is_told_in_the_health(silent: str, exporters: Callable[..., Exporter]) -> None:
    seconds = [100.0]
    exporter = exporters(lambda: seconds[0], endpoint=silent)
    exporter.add(span(1))
    eventually(lambda: exporter.health()["waiting"] == 0, "that the first is being sent")
    exporter.add(span(2))
    assert exporter.health()["waiting"] == 1
    seconds[0] += 11
    with pytest.raises(Unwell, match="wait and are not sent") as raised:
        exporter.health()
    assert raised.value.facts["oldest_seconds"] == 11


@pytest.mark.long
def test_a_process_that_has_sent_nothing_tries_the_collector(collector: Receiver, exporters: Callable[..., Exporter]) -> None:
    assert exporters(endpoint=collector.url).health() == {"sent": 0, "dropped": 0, "waiting": 0}
    with pytest.raises(Unwell, match=r"start it, or correct otel\.endpoint") as raised:
        exporters(endpoint="http://127.0.0.1:1").health()
    assert raised.value.facts["endpoint"] == "http://127.0.0.1:1"


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
