"""A collector that runs as a process of its own, an app that sends it what it does, and what came there."""

import json
import subprocess
import sys
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.otel import EXPORTER

from ..connected_apps.peers import Service, serving

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


@dataclass(frozen=True)
class Told:
    """A span as it came to the collector; ids are hexadecimal."""

    name: str
    kind: str
    id: str
    parent: str | None
    trace: str
    attributes: Mapping[str, Any]
    is_error: bool
    started_at: int
    ended_at: int
    schema_url: str
    resource: Mapping[str, Any]


class Receiver:
    """What has come to the collector."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def received(self, kind: str) -> list[dict[str, Any]]:
        """The export requests of that kind: ``traces`` or ``metrics``."""
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            return list(json.load(answer)[kind])

    def spans(self) -> list[Told]:
        """All spans, in the order in which they came."""
        return [
            _told(span, scope, _plain(resource["resource"]["attributes"]))
            for request in self.received("traces")
            for resource in request.get("resourceSpans", ())  # one without spans only asks whether the collector is there
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


def _told(span: Mapping[str, Any], scope: Mapping[str, Any], resource: Mapping[str, Any]) -> Told:
    is_error = span.get("status", {}).get("code") == "STATUS_CODE_ERROR"
    parent = _hex(span["parentSpanId"]) if "parentSpanId" in span else None
    times = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
    ids = _hex(span["spanId"]), parent, _hex(span["traceId"])
    attributes = _plain(span["attributes"])
    return Told(span["name"], span["kind"], *ids, attributes, is_error, *times, scope["schemaUrl"], resource)


def _hex(text: str) -> str:
    return b64decode(text).hex()


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["key"]: _value(each["value"]) for each in attributes}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, given),) = value.items()
    if kind == "arrayValue":
        return [_value(each) for each in given["values"]]
    return int(given) if kind == "intValue" else given


@pytest.fixture(scope="session")
def collector() -> Iterator[Receiver]:
    """A collector."""
    program = [sys.executable, str(Path(__file__).parent / "collector.py")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield Receiver(int(process.stdout.readline()))
        process.kill()


@pytest.fixture(scope="session")
def plugin_settings(collector: Receiver) -> Mapping[str, Any]:
    """What is done is sent to the collector."""
    return {"otel.endpoint": collector.url, "otel.headers": "x-tenant=aasim", "connected_apps.allowed_networks": ["127.0.0.0/8"]}


@pytest.fixture
def service() -> Iterator[Service]:
    """An HTTP service that agents can have as a connected app."""
    with serving(Service()) as service:
        yield service


@pytest.fixture
def owner(world: World) -> Person:
    """Somebody who may do everything."""
    return world.organization()


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does the jobs that are ready."""
    return lambda: work_off(app)


@pytest.fixture
def sent(app: App, collector: Receiver) -> Callable[[Person], list[Told]]:
    """Sends what waits, and reads the spans that came for the organization of somebody."""

    def read(person: Person) -> list[Told]:
        app.stash.of(EXPORTER).close()
        whose = person.organization_id
        return [span for span in collector.spans() if span.attributes["aasim.organization.id"] == whose]

    return read
