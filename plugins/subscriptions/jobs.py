"""Background jobs of subscriptions."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aasim_core import App, JobContext
from aasim_core.clock import now
from aasim_core.tenancy.organizations_with import organizations_with

from . import service
from .models import IS_CURRENT, Subscription


def renew(app: App) -> Callable[[JobContext, Mapping[str, Any]], None]:
    """The job that begins the periods that are due in an organization, each once."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> None:
        with app.database.transaction():
            service.renew(app)

    return run


def due() -> Iterable[str]:
    """Return the organizations whose period is over."""
    return organizations_with(Subscription, IS_CURRENT, Subscription.ends_at <= now())


def release(app: App) -> Callable[[JobContext, Mapping[str, Any]], int]:
    """The job that releases reservations of abandoned engine calls."""

    def run(context: JobContext, payload: Mapping[str, Any]) -> int:
        if not app.plugins.is_on("engines"):
            return 0
        from . import with_engines, with_executions

        over = with_executions.over_among if app.plugins.is_on("executions") else set
        return with_engines.release_left(over)

    return run
