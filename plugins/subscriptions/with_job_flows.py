"""The limit of how often job flows are due, if the plugin job_flows is enabled."""

from typing import TYPE_CHECKING

from aasim_core.data.records import find

from ..job_flows.models import JobFlow
from ..job_flows.service import shortest_interval
from .plans.catalog import INTERVAL
from .usage import limits

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.records import EventRow


def refuse_often(app: "App", event: "EventRow") -> None:
    """Refused ``plan_limit_exceeded`` for a flow that is new, or has a new trigger, and is due more often than the plan allows."""
    stand = limits.limited(app, INTERVAL)
    if stand is None or (event.changes is not None and "trigger" not in event.changes):
        return
    seconds, least = shortest_interval(find(JobFlow, event.subject_id or "").trigger), stand.plan.limits[INTERVAL]
    if seconds is not None and seconds < least:
        message = (
            f"The plan {stand.plan.title} allows {least} seconds and more between two due times, and these are {seconds}; write a trigger "
            "that comes due less often, or subscribe to another plan."
        )
        raise limits.exceeded(stand.plan, INTERVAL, seconds, None, message)
