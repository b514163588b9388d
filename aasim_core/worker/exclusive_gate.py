"""Decide which jobs may run concurrently: all, except that a job that crashed its worker twice runs alone.

Its third crash then affects no other job; and a job that was merely running next to the cause proves harmless.
"""

import threading
import time
from collections.abc import Callable

#: Longest wait of a job that must run alone for the others to end.
PATIENCE_SECONDS = 60.0


class ExclusiveGate:
    """Tracks the jobs that run in this process; `who` is any object compared by identity."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._changed = threading.Condition()
        self._present: set[object] = set()
        self._loner: object = None
        self._patience = patience_seconds

    def enter(self, who: object) -> bool:
        """Enter before claiming a job; False while another job runs alone or waits to."""
        with self._changed:
            if self._loner is not None:
                return False
            self._present.add(who)
            return True

    def leave(self, who: object) -> None:
        """Leave."""
        with self._changed:
            self._present.discard(who)
            if self._loner is who:
                self._loner = None
            self._changed.notify_all()

    def enter_alone(self, who: object, stop: Callable[[], bool]) -> bool:
        """Admit no more jobs and wait for the others to leave; False if another job did so first, or `stop` returns True."""
        end = time.monotonic() + self._patience
        with self._changed:
            if self._loner is not None:
                return False
            self._loner = who
            while self._present != {who} and time.monotonic() < end and not stop():
                self._changed.wait(0.2)
            return not stop()
