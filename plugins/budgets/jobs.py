"""Background jobs of budgets."""

from collections.abc import Callable, Mapping
from typing import Any

from aasim_core import App, JobContext

from . import service


def release(app: App) -> Callable[[JobContext, Mapping[str, Any]], int]:
    """The job that releases reservations of abandoned calls."""
    return lambda context, payload: service.release_left(app)
