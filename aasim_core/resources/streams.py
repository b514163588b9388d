"""Streamed responses: each holds a thread, and ends when its reader loses access or the process drains."""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ..context import organization_scope
from ..errors import Refused

if TYPE_CHECKING:
    from ..app import App
    from ..http.request import Request, Response

#: Maximum seconds between the reader's loss of access and the stream's end.
RECHECK_SECONDS = 30.0


class Reader:
    """The reader of a stream, which outlives their request: each read has its own connection and scope."""

    def __init__(self, app: "App", req: "Request", permission: str | None = None) -> None:
        self._app, self._req, self._permission = app, req, permission
        self._checked = time.monotonic()
        self.organization_id = req.principal.organization_id

    def is_admitted(self) -> bool:
        """Return whether they may continue reading; checked every `RECHECK_SECONDS`."""
        moment = time.monotonic()
        if moment - self._checked > RECHECK_SECONDS:
            self._checked = moment
            return self._look_up()
        return True

    def _look_up(self) -> bool:
        with self._app.database.connected():
            try:
                principal = self._app.authenticator.authenticate(self._req, self.organization_id)
            except Refused:
                return False
            return self._permission is None or self._app.rights.of(principal).has_anywhere(self._permission)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Hold a connection, in the scope of the reader's organization."""
        with self._app.database.connected(), organization_scope(self.organization_id):
            yield


class _Stream:
    """The pieces of a stream; its slot is released when the server closes it, as it does after each (PEP 3333)."""

    def __init__(self, pieces: Generator[bytes, None, None], place: ExitStack) -> None:
        self._pieces, self._place = pieces, place

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Stop."""
        with self._place:
            self._pieces.close()


def send(app: "App", req: "Request", resp: "Response", pieces: Generator[bytes, None, None]) -> None:
    """Respond with `pieces` as they come, to HEAD without them. Refused ``unavailable`` when too many streams are open."""
    resp.set_header("X-Accel-Buffering", "no")
    if req.method == "HEAD":
        resp.data = b""
        return
    with ExitStack() as place:
        place.enter_context(app.places.one())
        place.enter_context(app.limiter.slot(req.principal))
        resp.stream = _Stream(pieces, place.pop_all())
