"""Analytics: number, success, duration and cost of runs over time, by any group."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from aasim_core import App, Job, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.access.permissions import BuiltInRole

from ..executions.hookspecs import Keeper
from . import api
from . import jobs as background
from .commands import verify
from .models import Progress, Quarter, Sum
from .reasons.api import Reasons
from .rollups import rollup

plugin = Plugin(
    "Analytics",
    "What ran, how well, for how long and at what cost, over time and by group.",
    requires=("engines", "executions"),
    uses=("dashboard", "hitl_approvals"),
)


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """What was counted, sums of it, and up to when."""
    return Quarter, Sum, Progress


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about analytics."""
    roles: Sequence[BuiltInRole] = ("builder", "operator", "viewer", "auditor", "billing")
    return (
        Permission(
            "analytics:read", "See the numbers of executions and of what they cost, by agent, project and more", roles=roles
        ),
    )


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """What writes the quarters of an hour that are over."""
    return (
        Job(
            "analytics.roll_up",
            partial(background.roll_up, app),
            schedule="* * * * *",
            per_organization=partial(rollup.organizations, app),
        ),
    )


def _nothing(ids: Sequence[str]) -> None:
    """Analytics keeps nothing that is of one execution."""


@hookimpl
def keepers(app: App) -> Sequence[Keeper]:
    """What is counted stays when retention deletes executions."""
    return (Keeper("analytics", empty=_nothing, forget=_nothing, note=partial(rollup.keep_before_deletion, app)),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /analytics."""
    return api.Analytics(app), Reasons(app)


@hookimpl(optionalhook=True)
def dashboard_cards(app: App) -> Sequence[Any]:
    """What was spent today."""
    from . import with_dashboard

    return (with_dashboard.CARD,)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim analytics verify``."""
    return (verify(app),)
