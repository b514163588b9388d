"""Subscriptions: an organization's plan, its limits, and their usage."""

from collections.abc import Sequence
from typing import Any

import click

from aasim_core import App, ErrorCode, Event, Job, Listener, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Choice, Instant, Integer, Text

from . import api
from . import jobs as own_jobs
from . import listeners as own_listeners
from .commands import assign
from .models import Hold, Notice, Subscription
from .plans.catalog import LIMITS, SubscriptionSettings, plans_of, refuse_unknown_plugins
from .plans.current_plan import standing_of
from .usage.limits import PLAN_LIMIT_EXCEEDED

plugin = Plugin(
    "Subscriptions",
    "The plan of an organization: its plugins and limits.",
    uses=("agents", "dashboard", "engines", "executions", "job_flows", "organizations", "users", "webhooks"),
    operators_only=True,
)


@hookimpl
def config_schema() -> type[Any]:
    """The plans, and which one is the default."""
    return SubscriptionSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The plans of organizations, warnings, and reservations for calls."""
    return Subscription, Notice, Hold


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about subscriptions."""
    return (
        Permission("subscriptions:read", "See plans and usage", roles=("builder", "operator", "viewer", "auditor", "billing")),
        Permission("subscriptions:manage", "Change and cancel the plan", dangerous=True, roles=("billing",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to subscriptions."""
    change = {
        "plan_id": Text(required=True, description="The plan that is or will be.", example="team"),
        "previous_plan_id": Text(required=True, description="The plan before it.", example="unlimited"),
        "effective_at": Instant(required=True, description="From when on."),
    }
    reached = {
        "limit": Choice(*LIMITS, required=True),
        "threshold": Integer(1, required=True, description="The percent that is reached: 80 or 100."),
        "used": Integer(0, required=True, description="What counts towards the limit."),
        "max": Integer(0, required=True, description="The limit."),
        "plan_id": Text(required=True, description="Whose limit it is.", example="team"),
    }
    return (
        Event("subscriptions.subscribed", "The organization has another plan from now on", "subscription", change),
        Event("subscriptions.change_scheduled", "Another plan, or none, will follow the period", "subscription", change),
        Event("subscriptions.changed", "The plan that was to follow the period has begun", "subscription", change),
        Event("subscriptions.renewed", "Another period of the plan has begun", "subscription", change),
        Event("subscriptions.cancelled", "Somebody has cancelled the plan", "subscription", change),
        Event("subscriptions.threshold_reached", "So much of a limit is used; once in a period", "organization", reached),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What is answered where a plan allows no more."""
    return (PLAN_LIMIT_EXCEEDED,)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """The listeners that enforce limits where objects are created."""
    return own_listeners.listeners(app)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What begins periods, and what gives back what was held and never settled."""
    return (
        Job("subscriptions.renew", own_jobs.renew(app), schedule="* * * * *", per_organization=own_jobs.due),
        Job("subscriptions.release", own_jobs.release(app), schedule="*/10 * * * *"),
    )


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /subscriptions."""
    return api.resources(app)


@hookimpl
def startup(app: App) -> None:
    """Refuse plans without a plugin that there is not."""
    refuse_unknown_plugins(app)


@hookimpl
def feature_allowed(app: App, organization_id: str, plugin: str) -> str | None:
    """Why not, for what the organization's plan is without."""
    if not any(plan.without for plan in plans_of(app).values()):
        return None
    plan = standing_of(app).plan
    return f"The plan {plan.title} is without {plugin}." if plugin in plan.without else None


@hookimpl(optionalhook=True)
def keepers(app: App) -> Sequence[Any]:
    """Runs are not forgotten in the month in which they count."""
    from . import with_executions

    return (with_executions.keeper(app),)


@hookimpl(optionalhook=True)
def meters(app: App) -> Sequence[Any]:
    """The tokens of engines' calls count towards the plan."""
    from . import with_engines

    return (with_engines.meter(app),)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """How much of the plan is used."""
    from . import with_dashboard

    return (with_dashboard.CARD,)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim subscriptions``: commands for operators."""
    return (assign(app),)
