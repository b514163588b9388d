"""What budgets do in the background."""

from collections.abc import Callable, Mapping
from typing import Any

from aasim_core import App, JobContext

from . import service


def release(app: App) -> Callable[[JobContext, Mapping[str, Any]], int]:
    """The job that gives back what is held for calls that nobody makes any more."""
    return lambda context, payload: service.release_left(app)
