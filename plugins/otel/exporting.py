"""Export spans from a bounded queue in a separate thread, so that no work waits for a collector."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from aasim_core import Span
from aasim_core.logs.repeated_errors import RepeatedErrors
from aasim_core.plugins.checks import Unwell
from aasim_core.version import VERSION

from .conventions import SCHEMA_URL, to_otel
from .measuring import Metrics
from .settings import OtelSettings

#: Spans that are sent at once, how long the first of them waits for others, and how long a collector may take, in seconds.
_BATCH, _GATHER_SECONDS, _TIMEOUT = 512, 1.0, 10.0
#: A span that waits longer than this is not being sent.
_LONGEST_WAIT_SECONDS = 10.0
_CLOSING_SECONDS, _TRYING_SECONDS = 3.0, 3.0
_log = structlog.get_logger("aasim.otel")


class Exporter:
    """What one process sends. Its thread begins with the first span, so that it is the thread of the process that has it."""

    def __init__(self, settings: OtelSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._batch = min(_BATCH, settings.queue_size)
        #: Each span with the time at which it came.
        self._waiting: deque[tuple[float, Span]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._repeated = RepeatedErrors()
        self.sent = self.dropped = 0
        self.problem: str | None = None

    def add(self, span: Span) -> None:
        """Have the span sent, or count it as dropped where too many wait."""
        with self._changed:
            if len(self._waiting) >= self._settings.queue_size or self._is_closing:
                self._drop(1, "too many wait for the collector")
                return
            self._waiting.append((self._clock(), span))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="otel", daemon=True)
                self._thread.start()
            if len(self._waiting) in (1, self._batch):
                self._changed.notify()

    def health(self) -> Mapping[str, Any]:
        """How many were sent and dropped, and how many wait; raises `Unwell` while the collector takes none, or one waits for long.

        A process that had nothing to send yet tries whether the collector answers.
        """
        with self._changed:
            facts = {"sent": self.sent, "dropped": self.dropped, "waiting": len(self._waiting)}
            waited = round(self._clock() - self._waiting[0][0], 1) if self._waiting else 0
        problem = try_collector(self._settings) if self._thread is None else self.problem
        if problem is not None:
            told = "the collector takes no spans; start it, or correct otel.endpoint and otel.headers"
            raise Unwell(told, endpoint=self._settings.endpoint, reason=problem, **facts)
        if waited > _LONGEST_WAIT_SECONDS:
            raise Unwell("spans wait and are not sent; restart this process", oldest_seconds=waited, **facts)
        return facts

    def close(self) -> None:
        """Send what waits, for as long as a process that ends can wait."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_CLOSING_SECONDS)

    def _drop(self, number: int, reason: str) -> None:
        self.dropped += number
        if self._repeated.count(reason) is not None:
            _log.warning("spans are dropped", count=self.dropped, reason=reason)

    def _run(self) -> None:
        sender = _Sender(self._settings)
        while batch := self._next_batch():
            self.problem = sender.send(batch)
            if self.problem is None:
                self.sent += len(batch)
            else:
                with self._changed:
                    self._drop(len(batch), self.problem)
        sender.close()

    def _next_batch(self) -> list[Span]:
        """The spans that wait, once there are enough, or some have waited long enough; none when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(lambda: len(self._waiting) >= self._batch or self._is_closing, _GATHER_SECONDS)
            return [self._waiting.popleft()[1] for _ in range(min(self._batch, len(self._waiting)))]


def try_collector(settings: OtelSettings) -> str | None:
    """Send the collector no spans; returns why it does not take that, if it does not."""
    exporter = _SpanExporter(settings, _TRYING_SECONDS)
    try:
        return exporter.export([])
    finally:
        exporter.close()


class _Sender:
    """Sends spans, and the metrics that they are counted in."""

    def __init__(self, settings: OtelSettings) -> None:
        told = {"service.name": settings.service_name, "service.version": VERSION, "service.instance.id": uuid4().hex}
        self._resource = Resource.create(told, SCHEMA_URL)
        self._spans = _SpanExporter(settings, _TIMEOUT)
        self._metrics = Metrics(OTLPMetricExporter(**_place(settings, "metrics"), timeout=_TIMEOUT), self._resource)

    def send(self, batch: list[Span]) -> str | None:
        """Send them; returns the error, if any."""
        for span in batch:
            self._metrics.count(span)
        return self._spans.export([to_otel(span, self._resource) for span in batch])

    def close(self) -> None:
        self._metrics.close(_CLOSING_SECONDS)
        self._spans.close()


class _SpanExporter:
    """The SDK's exporter of spans, which says why it failed."""

    def __init__(self, settings: OtelSettings, seconds: float) -> None:
        self._exporter = OTLPSpanExporter(**_place(settings, "traces"), timeout=seconds)
        self._said = _Said()

    def export(self, spans: Sequence[ReadableSpan]) -> str | None:
        """Send the spans; returns the error, if any."""
        self._said.last = "it did not answer"
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one batch, the next is sent
            return type(error).__name__
        return None if result == SpanExportResult.SUCCESS else self._said.last

    def close(self) -> None:
        self._exporter.shutdown()


def _place(settings: OtelSettings, kind: str) -> dict[str, Any]:
    return {"endpoint": f"{settings.endpoint.rstrip('/')}/v1/{kind}", "headers": settings.header_pairs()}


class _Said(logging.Handler):
    """Keeps what the SDK logs of its trouble, instead of having it in the log once for each try."""

    def __init__(self) -> None:
        super().__init__()
        self.last = ""
        logger = logging.getLogger("opentelemetry")
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
