"""Reactions to events: limits where things are made, and the time zone that periods go by."""

from functools import partial
from typing import TYPE_CHECKING

from aasim_core import App, Listener
from aasim_core.access import epoch
from aasim_core.context import current_organization

from . import limits

if TYPE_CHECKING:
    from aasim_core.events.log import EventRow


def follow_timezone(event: "EventRow") -> None:
    """Let what is remembered of an organization be read anew where its time zone has changed."""
    if "timezone" in (event.changes or {}):
        epoch.bump(current_organization())


def listeners(app: App) -> list[Listener]:
    """What refuses each thing that plans limit, and what follows the time zone."""
    follow = Listener("organizations.updated", follow_timezone, "before_commit")
    return [*limits.listeners(app), *_of_job_flows(app), follow]


def _of_job_flows(app: App) -> list[Listener]:
    if not app.plugins.is_on("job_flows"):
        return []
    from . import with_job_flows

    refuse_often = partial(with_job_flows.refuse_often, app)
    return [Listener(f"job_flows.{verb}", refuse_often, "when_emitted") for verb in ("created", "updated")]
