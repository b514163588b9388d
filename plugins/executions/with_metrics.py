"""The gauge of runs, if the plugin metrics is enabled."""

from collections.abc import Iterable
from typing import Any

import peewee

from aasim_core import App

from ..metrics.hookspecs import Gauge, Sample
from . import states
from .models import GOING, Execution


def _going(app: App) -> Iterable[Sample]:
    query: Any = Execution.select(Execution.status, peewee.fn.COUNT(peewee.SQL("*"))).where(GOING).group_by(Execution.status)
    counts = dict(query.tuples())
    return [((status,), counts.get(status, 0)) for status in states.ALL if status not in states.TERMINAL]


GAUGE = Gauge("aasim_executions", "Executions that are not over, of all organizations.", _going, ("status",))
