"""Jobs that tell a test what they do: each sends a datagram to the socket in its payload."""

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core import App, Job, JobContext, Plugin, Retry, hookimpl

plugin = Plugin("Probe", "Jobs for tests.")


def tell(payload: Mapping[str, Any], word: str) -> None:
    """Send a word and this process's number to whoever listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"{word} {os.getpid()}".encode(), payload["socket"])


def note(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Say that it ran."""
    tell(payload, f"{payload['word']}")


def hang(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Say that it began, and never end."""
    tell(payload, f"{payload['word']}")
    threading.Event().wait()


def stop_when_asked(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Say that it began, and go on until it should stop."""
    tell(payload, f"{payload['word']}")
    while not context.should_stop():
        threading.Event().wait(0.01)
    context.hand_back()
    tell(payload, "handed-back")


def linger(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Say that it began, and take a second."""
    tell(payload, f"{payload['word']}")
    threading.Event().wait(1)


def hold(app: App, payload: Mapping[str, Any]) -> None:
    """Say that it began, and never end the transaction that it is in."""
    with app.database.transaction():
        app.database.lock("the probe's")
        tell(payload, f"{payload['word']}")
        threading.Event().wait()


def die(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Take the process down, without any farewell, while its neighbours are at work."""
    tell(payload, f"{payload['word']}")
    threading.Event().wait(0.5)
    os._exit(9)


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """All of them."""
    once = Retry(max_attempts=1)
    return (
        Job("probe.note", note, retry=once),
        Job("probe.hang", hang, retry=once),
        Job("probe.stop_when_asked", stop_when_asked, retry=once),
        Job("probe.linger", linger, retry=once),
        Job("probe.overstay", hang, retry=once, time_limit=0.1),
        Job("probe.hold", lambda context, payload: hold(app, payload), retry=once, time_limit=0.1),
        Job("probe.die", die, retry=once),
    )
