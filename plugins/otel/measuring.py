"""Metrics derived from spans: durations of requests and engine calls, and their tokens."""

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from aasim_core import Span

from .conventions import SCOPE, Attributes, error_of, of_call, of_request

#: The bounds that the conventions advise: seconds of requests, seconds of calls, tokens.
_REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_CALLS = tuple(0.01 * 2**power for power in range(14))
_TOKENS = tuple(4**power for power in range(14))


class Metrics:
    """The histograms, and what sends them once a minute."""

    def __init__(self, exporter: OTLPMetricExporter, resource: Resource) -> None:
        self._provider = MeterProvider([PeriodicExportingMetricReader(exporter)], resource, shutdown_on_exit=False)
        meter = self._provider.get_meter(SCOPE.name, SCOPE.version, SCOPE.schema_url)
        self._requests = meter.create_histogram(
            "http.server.request.duration", "s", "How long requests take.", explicit_bucket_boundaries_advisory=_REQUESTS
        )
        self._calls = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", "How long engines take.", explicit_bucket_boundaries_advisory=_CALLS
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of a call.", explicit_bucket_boundaries_advisory=_TOKENS
        )

    def count(self, span: Span) -> None:
        """Record the span's metrics."""
        seconds, error = (span.ended_at - span.started_at) / 1e9, error_of(span)
        failed = {"error.type": error} if error else {}
        if span.kind == "request":
            self._requests.record(seconds, _known(of_request(span)) | failed)
        elif span.kind == "engine":
            about = _known(of_call(span))
            self._calls.record(seconds, about | failed)
            for kind in ("input", "output"):
                if (tokens := span.facts.get(f"{kind}_tokens")) is not None:
                    self._tokens.record(tokens, about | {"gen_ai.token.type": kind})

    def close(self, seconds: float) -> None:
        """Send what was counted, and stop."""
        self._provider.shutdown(timeout_millis=seconds * 1000)


def _known(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if value is not None}
