"""Background jobs of connected apps: token refresh, authorizations, syncing, and retention of uses."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from aasim_core import App, Job, JobContext, Retry
from aasim_core.clock import now
from aasim_core.jobs.errors import GiveUp

from . import service
from .connecting import PASSING, AppError
from .credentials.authorizing import exchange
from .credentials.vault import settings_of


def all_jobs(app: App) -> tuple[Job, ...]:
    """Every kind of work."""
    retry = Retry(max_attempts=6, base_seconds=10, max_seconds=900)
    return (
        Job("connected_apps.renew", _of_one(app, "app_id", service.renew), retry=retry, time_limit=120),
        Job("connected_apps.exchange", _of_one(app, "authorization_id", exchange), retry=Retry(4, 2, 30), time_limit=60),
        Job("connected_apps.sync", _of_one(app, "app_id", service.sync), retry=Retry(3, 5, 60), time_limit=180),
        Job("connected_apps.prune", _prune(app), schedule="20 3 * * *", time_limit=600),
    )


def _of_one(app: App, name: str, work: Callable[[App, str], None]) -> Callable[[JobContext, Mapping[str, Any]], None]:
    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        with _giving_up():
            work(app, payload.get(name, ""))

    return run


@contextmanager
def _giving_up() -> Iterator[None]:
    """An app that refuses will refuse again; its record has the reason.

    The cause is not chained: job failures are logged with all causes, which quote external services.
    """
    try:
        yield
    except AppError as error:
        failure = AppError(error.code, error.message) if error.code in PASSING else GiveUp(error.message)
    else:
        return
    raise failure


def _prune(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        service.prune(now() - timedelta(days=settings_of(app).log_days), context.should_stop)

    return run
