"""The page of metrics."""

from typing import Any

from aasim_core.app import App

_TOP = """\
# Metrics

The gauges that [`GET /metrics`](../operate/metrics.md) answers with, of the whole installation. None tells of a single
organization. The plugin `otel` sends [traces and metrics](../operate/tracing.md) of its own. `aasim_failed_gauges`
counts the gauges that could not be read within a second; the log names them.

| gauge | labels | meaning |
|---|---|---|
"""


def page(app: App) -> str:
    """The whole page."""
    gauges = sorted(app.offers("gauges").values(), key=lambda gauge: gauge.name)
    return _TOP + "".join(map(_row, gauges))


def _row(gauge: Any) -> str:
    labels = ", ".join(f"`{label}`" for label in gauge.labels)
    return f"| `{gauge.name}` | {labels} | {gauge.help.rstrip('.')} |\n"
