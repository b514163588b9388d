"""Background jobs of analytics."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, JobContext

from .rollups import rollup


def roll_up(app: App, context: JobContext, payload: Mapping[str, Any]) -> None:
    """Write what is over in the organization of the job."""
    rollup.roll_up(app, context.should_stop)
