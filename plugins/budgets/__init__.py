"""Budgets: limits of spending on engines, reserved before each call and counted after it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import App, Event, Job, Listener, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Choice, Integer, Number, Text

from . import api
from . import jobs as own_jobs
from . import listeners as own_listeners
from . import meter as own_meter
from .models import Budget, BudgetUse, Reservation
from .uses import LIMITS

if TYPE_CHECKING:
    from ..engines.hookspecs import Meter

plugin = Plugin(
    "Budgets",
    "What may be spent on engines, and by what: reserved before each call, refused with the exact limit.",
    requires=("agents", "engines"),
    uses=("api_keys", "executions"),
)


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """The budget, its usage, and its reservations."""
    return Budget, BudgetUse, Reservation


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about budgets."""
    return (
        Permission("budgets:read", "See budgets", roles=("builder", "operator", "viewer", "auditor", "billing")),
        Permission("budgets:manage", "Create, change and delete budgets", dangerous=True, roles=("billing",)),
    )


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to budgets."""
    limit = {
        "limit": Choice(*LIMITS, required=True),
        "used": Integer(0, required=True, description="What counts towards it."),
        "max": Integer(0, required=True, description="The limit."),
        "currency": Text(required=True, description="Of the budget.", example="USD"),
    }
    passed = {
        "threshold": Integer(0, required=True, description="The percent of warn_percents."),
        "percent": Number(0, required=True, description="What is used."),
    }
    return (
        Event("budgets.created", "A budget was created", "budget"),
        Event("budgets.updated", "A budget was changed", "budget"),
        Event("budgets.deleted", "A budget was deleted, with its history", "budget"),
        Event("budgets.warned", "A budget has passed a threshold", "budget", passed),
        Event("budgets.exceeded", "A budget is used up, or has refused a call; emitted at most once a minute", "budget", limit),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """The budgets of an agent or a key go where it goes."""
    return (
        Listener("agents.updated", own_listeners.follow, "before_commit"),
        Listener("api_keys.updated", own_listeners.follow, "before_commit"),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What gives back what was reserved and never settled."""
    return (Job("budgets.release", own_jobs.release(app), schedule="*/10 * * * *"),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /budgets."""
    return api.Budgets(app), api.Periods(app)


@hookimpl
def meters(app: App) -> "Sequence[Meter]":
    """Every call of an engine is reserved and counted."""
    return (own_meter.meter(app),)
