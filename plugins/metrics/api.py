"""The endpoint that Prometheus scrapes."""

from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import TYPE_CHECKING, ClassVar

import peewee
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from aasim_core import App, PluginFault, Protocol, Refused, Request, Resource, Response, operation
from aasim_core.context import system_scope
from aasim_core.http.operations import PUBLIC

from .hookspecs import Gauge
from .settings import MetricsSettings

if TYPE_CHECKING:
    from prometheus_client.core import Metric

#: Time limit of one statement of a gauge.
_SECONDS = 1.0
_FAILED = "aasim_failed_gauges"
_log = structlog.get_logger("aasim.metrics")


def _told(refused: Refused, request_id: str | None) -> tuple[int, Mapping[str, str], bytes]:
    """An error in a line, for the log of Prometheus."""
    return refused.status, {"Content-Type": "text/plain; charset=utf-8"}, f"{refused.message}\n".encode()


class Metrics(Resource):
    """The metrics of the whole installation."""

    protocol = Protocol("/metrics", errors=_told)
    paths: ClassVar[Mapping[str, str]] = {"": "/metrics"}

    def __init__(self, app: App) -> None:
        self._app = app
        self._token = app.settings.section("metrics", MetricsSettings).token

    @operation(PUBLIC, unlimited=True, message="Metrics read.", refusals=("invalid_token",))
    def on_get(self, req: Request, resp: Response) -> None:
        """Read every gauge in the text format of Prometheus.

        It requires the token in the setting metrics.token.
        """
        self._refuse_others(req)
        registry = CollectorRegistry(auto_describe=False)
        with system_scope("the metrics of the installation"):
            registry.register(_Read(list(_families(self._app))))
        resp.content_type, resp.text = CONTENT_TYPE_LATEST, generate_latest(registry).decode()

    def _refuse_others(self, req: Request) -> None:
        given = (req.get_header("Authorization") or "").encode()
        if not self._token or not compare_digest(given, f"Bearer {self._token}".encode()):
            self._app.limiter.check(None, req.remote_addr)  # guessing is limited like requests without a credential
            raise Refused("invalid_token", "Reading the metrics requires the token in the setting metrics.token.")


class _Read:
    """The results, as the library's registry takes them."""

    def __init__(self, families: "list[Metric]") -> None:
        self._families = families

    def collect(self) -> "Iterator[Metric]":
        """Each family once."""
        yield from self._families


def _families(app: App) -> "Iterator[Metric]":
    failed = 0
    for gauge in app.offers("gauges").values():
        try:
            with app.database.limited(_SECONDS):
                yield _family(app, gauge)
        except (Refused, PluginFault, peewee.PeeweeException) as error:
            failed += 1
            _log.warning("a gauge could not be read", offer=gauge.name, error=type(error).__name__)
    yield GaugeMetricFamily(_FAILED, "Gauges that could not be read; the log says which.", value=failed)


def _family(app: App, gauge: Gauge) -> "Metric":
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=list(gauge.labels))
    for values, number in gauge.read(app):
        family.add_metric(list(values), number)
    return family
