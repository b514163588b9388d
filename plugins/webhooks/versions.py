"""Versions of events: the one to send, and those that a webhook supports."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aasim_core.app import App


def version_of(app: "App", name: str) -> int:
    """Return the current version of such events; 1 for one that is no longer declared."""
    declared = app.events.get(name)
    return declared.version if declared else 1


def versions_now(app: "App") -> dict[str, int]:
    """The versions of all events by name, of those that had another one before."""
    return {name: event.version for name, event in app.events.items() if event.version > 1}
