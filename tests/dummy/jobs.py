"""The plugin's background work."""

from collections.abc import Mapping
from typing import Any

from aasim_core import App, JobContext

from . import service


def answer(app: App, payload: Mapping[str, Any]) -> None:
    """Answer the greeting that the payload names."""
    service.answer(app, payload["greeting_id"])


def count(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Do nothing, every five minutes."""
