"""The card for platform administrators: whether workers do the jobs."""

from aasim_core import processes
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.jobs.administration import oldest_ready

from .hookspecs import Card, Figure, Figures, Viewer


def _figures(viewer: Viewer) -> Figures | None:
    if not viewer.principal.is_platform_admin:
        return None
    with system_scope("the dashboard of a platform administrator"):
        workers = [
            seen.row for seen in processes.seen(viewer.app.database) if seen.row.kind == processes.WORKER and seen.is_alive
        ]
        oldest = oldest_ready()
    link = "/api/v1/health/deep"
    return {
        "workers": Figure(len(workers), link=link),
        "threads": Figure(sum(row.threads for row in workers), link=link),
        "busy_threads": Figure(sum(row.busy for row in workers), link=link),
        "oldest_job_seconds": Figure(0 if oldest is None else max(0, round((now() - oldest).total_seconds())), link=link),
    }


CARD = Card("workers", "Workers and jobs", _figures)
