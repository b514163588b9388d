"""The gauges of webhooks, if the plugin metrics is enabled."""

from collections.abc import Iterable
from typing import Any

import peewee

from aasim_core import App

from ..metrics.hookspecs import Gauge, Sample
from .models import STATUSES, Webhook


def _by_status(app: App) -> Iterable[Sample]:
    query: Any = Webhook.select(Webhook.status, peewee.fn.COUNT(Webhook.id)).group_by(Webhook.status)
    counts = dict(query.tuples())
    return [((status,), counts.get(status, 0)) for status in STATUSES]


def _held(app: App) -> Iterable[Sample]:
    return [((), Webhook.select(peewee.fn.SUM(Webhook.held_count)).scalar() or 0)]


GAUGES = (
    Gauge("aasim_webhooks", "Webhooks, by status.", _by_status, ("status",)),
    Gauge("aasim_held_deliveries", "Events that are held for webhooks that are disabled.", _held),
)
