"""Metrics of the whole installation, for Prometheus."""

from collections.abc import Sequence

from aasim_core import App, Plugin, Resource, hookimpl

from . import api, installation
from .hookspecs import Gauge
from .settings import MetricsSettings

plugin = Plugin("Metrics", "The numbers of the whole installation, for Prometheus.")


@hookimpl
def config_schema() -> type[MetricsSettings]:
    """The section [metrics]."""
    return MetricsSettings


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The address that Prometheus scrapes."""
    return (api.Metrics(app),)


@hookimpl
def gauges(app: App) -> Sequence[Gauge]:
    """Those of processes, jobs and organizations."""
    return installation.GAUGES
