"""From which time on an index of jobs is searched.

While a snapshot is held open, PostgreSQL's index keeps an entry of each job that was ever in it, and a search passes them all. A search
therefore begins shortly before the last one. What became visible later than that is found by the searches from the beginning, which are
made less often the longer they take.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ..clock import now, to_text

#: No time is before this one.
EVER = ""
#: How much later than its time a job may become visible: transactions take a while, and clocks of machines differ.
LATE = timedelta(seconds=1)
#: Seconds between two searches from the beginning, and which share of the time they may take.
FULL_SECONDS = 0.25
FULL_SHARE = 0.05


class SearchRange:
    """Where the next search begins; searches of several threads may overlap."""

    def __init__(self) -> None:
        self.since = EVER
        self._full_at = 0.0

    @contextmanager
    def search(self) -> Iterator[str]:
        """Yield the time at which the search in the body begins, and let the next one begin where this one ends."""
        began, moment = time.monotonic(), now()
        is_full = began >= self._full_at
        self._full_at = began + FULL_SECONDS if is_full else self._full_at  # no other thread does the same meanwhile
        yield EVER if is_full else self.since
        self.since = to_text(moment - LATE)
        if is_full:
            self._full_at = began + max(FULL_SECONDS, (time.monotonic() - began) / FULL_SHARE)
