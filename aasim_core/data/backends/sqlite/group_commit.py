"""Group commit for SQLite: one wait for the disk covers all commits before it.

With ``synchronous = FULL`` each commit waits for the disk separately, and blocks all other writers meanwhile.
"""

import threading
from collections.abc import Callable

import peewee

from ...faults import Unconfirmed


class GroupCommit:
    """Coordinates the threads of one process that wait for the disk; each process waits for itself.

    `sync` waits until the log is on disk. Once it has failed, the system may treat lost data as written; so the next call uses `rescue`,
    which brings the log's contents to disk in another way. Both raise OSError or peewee's errors.
    """

    def __init__(self, sync: Callable[[], None], rescue: Callable[[], None]) -> None:
        self._sync, self._rescue = sync, rescue
        self._changed = threading.Condition()
        self._committed = self._settled = 0
        self._is_syncing = self._is_doubtful = False

    def record(self) -> int:
        """Count a new commit; returns its number, for `settle`."""
        with self._changed:
            self._committed += 1
            return self._committed

    def settle(self, mine: int) -> None:
        """Return when the commit of that number and all before it are on disk; `Unconfirmed` when that fails."""
        with self._changed:
            self._changed.wait_for(lambda: self._settled >= mine or not self._is_syncing)
            if self._settled >= mine:
                return
            self._is_syncing, upto = True, self._committed
        try:
            self._write_out()
        except (OSError, peewee.PeeweeException) as error:
            upto, self._is_doubtful = 0, True
            raise Unconfirmed("disk I/O error: the disk has not confirmed a change") from error
        finally:
            with self._changed:
                self._settled, self._is_syncing = max(self._settled, upto), False
                self._changed.notify_all()

    def _write_out(self) -> None:
        if self._is_doubtful:
            self._rescue()
            self._is_doubtful = False
        else:
            self._sync()
