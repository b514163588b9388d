"""The demonstration: a sample agent, a sample tool and a sample workflow, which ``aasim up --demo`` runs once."""

from collections.abc import Callable, Sequence

from aasim_core import App, Plugin, hookimpl
from aasim_core.outbound.own_api import OwnApi
from aasim_core.tenancy.principal import Principal

from ..executions.hookspecs import ToolSource
from . import agent, demonstration, refund

plugin = Plugin(
    "Demonstration",
    "A sample agent for a new installation, and what aasim up --demo shows.",
    requires=("agents", "executions"),
    uses=("activities", "budgets", "engine_local", "hitl_approvals", "workflows"),
)


@hookimpl
def prepare(app: App, administrator: Principal | None) -> None:
    """The sample agent of a new installation."""
    if administrator is not None:
        agent.ensure(app, administrator)


@hookimpl
def tools(app: App) -> Sequence[ToolSource]:
    """A refund that pays nothing."""
    return (refund.SOURCE,)


@hookimpl
def demonstrate(app: App, api: OwnApi, say: Callable[[str], None]) -> bool:
    """The sample workflow runs once, from a customer's message to the log, where everything is on that it needs."""
    if not all(app.plugins.is_on(name) for name in plugin.uses):
        return False
    demonstration.show(api, say)
    return True
