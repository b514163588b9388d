"""Writes down each event that reaches it, so that a test can tell whether one was lost."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Listener, Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.events.records import EventRow

plugin = Plugin(title="Witness", summary="Writes down each event that reaches it.")


@hookimpl
def listeners(app: "App") -> Sequence[Listener]:
    """Everything that happens."""
    return [Listener("*", note)]


def note(event: "EventRow") -> None:
    """Append the event's id to the witness's file, in one write."""
    descriptor = os.open(os.environ["WITNESS_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{event.id}\n".encode())
    finally:
        os.close(descriptor)
