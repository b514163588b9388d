"""The gauges of the installation itself: its version, processes and jobs."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import peewee

from aasim_core import App, processes
from aasim_core.clock import now
from aasim_core.jobs.administration import count_stuck, oldest_ready
from aasim_core.tenancy.records import Organization
from aasim_core.version import VERSION

from .hookspecs import Gauge, Sample


def _info(app: App) -> Iterable[Sample]:
    return [((VERSION,), 1)]


def _processes(app: App) -> Iterable[Sample]:
    alive = Counter(seen.row.kind for seen in processes.seen(app.database) if seen.is_alive)
    return [((kind,), alive[kind]) for kind in (processes.API, processes.WORKER)]


def _threads(app: App) -> Iterable[Sample]:
    workers = [seen.row for seen in processes.seen(app.database) if seen.row.kind == processes.WORKER and seen.is_alive]
    busy = sum(row.busy for row in workers)
    return [(("busy",), busy), (("idle",), sum(row.threads for row in workers) - busy)]


def _oldest(app: App) -> Iterable[Sample]:
    oldest = oldest_ready()
    return [((), 0 if oldest is None else max(0.0, (now() - oldest).total_seconds()))]


def _stuck(app: App) -> Iterable[Sample]:
    return [((state,), number) for state, number in count_stuck().items()]


def _organizations(app: App) -> Iterable[Sample]:
    query: Any = Organization.select(Organization.status, peewee.fn.COUNT(Organization.id)).group_by(Organization.status)
    return [((status,), number) for status, number in query.tuples()]


GAUGES = (
    Gauge("aasim_info", "The version of the process that was asked.", _info, ("version",)),
    Gauge("aasim_processes", "Processes that are alive.", _processes, ("kind",)),
    Gauge("aasim_worker_threads", "Threads of the workers that are alive.", _threads, ("state",)),
    Gauge("aasim_oldest_ready_job_seconds", "How long the oldest job waits that could be done.", _oldest),
    Gauge("aasim_stuck_jobs", "Jobs that failed, died or are parked.", _stuck, ("state",)),
    Gauge("aasim_organizations", "Organizations, by status.", _organizations, ("status",)),
)
