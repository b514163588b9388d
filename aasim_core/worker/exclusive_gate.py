"""Which jobs may run beside each other: all, except that one which brought down its worker twice runs alone.

When it does so a third time, it takes no neighbour with it; and one that was only a neighbour itself shows that it is harmless.
"""

import threading
import time
from collections.abc import Callable

#: How long the others may keep a job waiting that is to run alone.
PATIENCE_SECONDS = 60.0


class Company:
    """Who is doing a job in this process; `who` is anything that is only itself."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._changed = threading.Condition()
        self._present: set[object] = set()
        self._loner: object = None
        self._patience = patience_seconds

    def enter(self, who: object) -> bool:
        """Take a place, before claiming a job; False while somebody is alone, or waits for it."""
        with self._changed:
            if self._loner is not None:
                return False
            self._present.add(who)
            return True

    def leave(self, who: object) -> None:
        """Give the place back."""
        with self._changed:
            self._present.discard(who)
            if self._loner is who:
                self._loner = None
            self._changed.notify_all()

    def be_alone(self, who: object, stop: Callable[[], bool]) -> bool:
        """Let nobody in any more and wait for the others to leave; False when somebody else did so before, or `stop` says so."""
        end = time.monotonic() + self._patience
        with self._changed:
            if self._loner is not None:
                return False
            self._loner = who
            while self._present != {who} and time.monotonic() < end and not stop():
                self._changed.wait(0.2)
            return not stop()
