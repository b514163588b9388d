"""OpenTelemetry: traces and metrics of requests, jobs, runs, engines and tools, sent to a collector by OTLP over HTTP."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Check, Kept, Plugin, SpanReceiver, hookimpl

from .settings import OtelSettings

if TYPE_CHECKING:
    from .exporting import Exporter

plugin = Plugin("OpenTelemetry", "Traces and metrics of requests, jobs, runs, engines and tools, for a collector.")


def _settings_of(app: App) -> OtelSettings:
    return app.settings.section("otel", OtelSettings)


def _exporter(app: App) -> "Exporter":
    from .exporting import Exporter  # the SDK takes a while to load, and is needed only where there is a collector

    return Exporter(_settings_of(app))


#: What the process sends.
EXPORTER: "Kept[Exporter]" = Kept(_exporter)


@hookimpl
def config_schema() -> type[OtelSettings]:
    """The section [otel]."""
    return OtelSettings


@hookimpl
def span_receivers(app: App) -> Sequence[SpanReceiver]:
    """What sends spans, where there is a collector."""
    settings = _settings_of(app)
    if not settings.endpoint:
        return ()
    # As the samplers of the SDKs do it, so that all that are asked with one part decide alike.
    bound = round(settings.sampled * 2**64)
    return (
        SpanReceiver(
            "otel",
            lambda span: app.stash.of(EXPORTER).add(span),
            samples=lambda trace_id: int(trace_id[16:], 16) < bound,
            wants_content=settings.content,
        ),
    )


@hookimpl
def health(app: App) -> Sequence[Check]:
    """Whether the collector takes what this process sends."""
    if not _settings_of(app).endpoint:
        return ()
    return (Check("otel", lambda: app.stash.of(EXPORTER).health(), on_database=False),)


@hookimpl
def shutdown(app: App) -> None:
    """Send what waits."""
    if (exporter := app.stash.find(EXPORTER)) is not None:
        exporter.close()
