"""Count ended runs and their retention, if the plugin executions is enabled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..executions import service as executions
from ..executions.hookspecs import Keeper
from .plans.current_plan import standing_of

if TYPE_CHECKING:
    from aasim_core.app import App

over_among = executions.over_among


def keeper(app: "App") -> Keeper:
    """Runs of the month are counted from their rows, so these stay until it is over."""
    return Keeper("subscriptions", _nothing, _nothing, lambda: standing_of(app).period.starts_at)


def _nothing(execution_ids: Sequence[str]) -> None:
    """Do nothing: this plugin stores nothing of a run."""
