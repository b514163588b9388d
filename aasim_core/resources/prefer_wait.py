"""``Prefer: wait=N`` (RFC 7240): wait for the final result before responding."""

import re
import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..http.envelope import success
from ..http.request import Request, Response
from ..text.json import to_json

if TYPE_CHECKING:
    from ..app import App
    from .collection import Collection

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=[,;]|$)", re.IGNORECASE | re.ASCII)
_LONGEST = 60
_FIRST_LOOK, _LAST_LOOK = 0.005, 0.25


def wait_seconds(req: Request) -> int:
    """Return how long the client wants to wait, at most 60 seconds; 0 if it does not. Refused for a longer time."""
    match = _WAIT.search(req.get_header("Prefer") or "")
    seconds = int(match[1]) if match else 0
    if seconds > _LONGEST:
        raise Refused("invalid_parameter", f"Prefer: wait can be at most {_LONGEST} seconds.", field="Prefer")
    return seconds


def wait_until(resource: "Collection", req: Request, resp: Response, ended: Callable[[], Any], message: str) -> None:
    """If the client waits, poll `ended` after the commit until it returns a row, and respond 200 with it and the `message`.

    If the wait times out, the response stays as it is.
    """
    seconds = wait_seconds(req)

    def finish() -> None:
        row = wait(resource.app, ended, seconds)
        if row is not None:
            resp.status = 200
            resp.set_header("Preference-Applied", f"wait={seconds}")
            resp.set_header("ETag", f'"{row["version"]}"')
            resp.data = success(to_json(resource.plan.seen_by(req).item(row)), message)

    if seconds:
        resp.finish = finish


def wait(app: "App", ended: Callable[[], Any], seconds: float) -> Any:
    """Poll `ended` at growing intervals until it returns a value; None after `seconds`, or when the process stops."""
    deadline, pause, wakened = time.monotonic() + seconds, _FIRST_LOOK, Event()
    while (found := ended()) is None and time.monotonic() < deadline and not app.draining.is_set():
        wakened.wait(pause)
        pause = min(pause * 1.5, _LAST_LOOK)
    return found
