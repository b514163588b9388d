"""Reactions to events: enforce limits when objects are created, and follow the organization's time zone."""

from functools import partial
from typing import TYPE_CHECKING

from aasim_core import App, Listener
from aasim_core.context import current_organization
from aasim_core.tenancy import epoch

from .plans.catalog import UNLIMITED, default_of
from .plans.current_plan import current
from .service import show
from .usage import limits

if TYPE_CHECKING:
    from aasim_core.events.records import EventRow


def follow_timezone(event: "EventRow") -> None:
    """Invalidate cached values of an organization whose time zone has changed."""
    if "timezone" in (event.changes or {}):
        epoch.bump(current_organization())


def show_default(app: App, event: "EventRow") -> None:
    """Let an organization that was founded just now be shown with the default plan."""
    default = default_of(app)
    if default.id != UNLIMITED and current() is None:
        show(default)


def listeners(app: App) -> list[Listener]:
    """What refuses each thing that plans limit, and what follows the time zone."""
    follow = Listener("organizations.updated", follow_timezone, "before_commit")
    founded = [
        Listener(name, partial(show_default, app), "before_commit") for name in ("auth.registered", "organizations.created")
    ]
    return [*limits.listeners(app), *_of_job_flows(app), *founded, follow]


def _of_job_flows(app: App) -> list[Listener]:
    if not app.plugins.is_on("job_flows"):
        return []
    from . import with_job_flows

    refuse_often = partial(with_job_flows.refuse_often, app)
    return [Listener(f"job_flows.{verb}", refuse_often, "when_emitted") for verb in ("created", "updated")]
