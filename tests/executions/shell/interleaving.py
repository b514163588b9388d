"""Two threads with a connection each, which go on from step to step in the order that a test says."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.sqlite.database import SqliteDatabase

#: By then a step has come to its end or to a lock, on however slow a machine; and how often that is looked for, in seconds.
_PATIENCE, _OFTEN = 60, 0.01


def orders(one: int, other: int) -> Iterator[str]:
    """Every order of the steps of a side that has `one` of them and of a side that has `other`: 0 and 1 say whose turn it is."""
    for places in combinations(range(one + other), one):
        yield "".join("0" if place in places else "1" for place in range(one + other))


class Side:
    """A thread that does the `work`, step by step.

    A step ends after a statement with one of the texts of `ends`, and where the work says `pause`; so a transaction that has sent its last
    statement commits in the next one.
    """

    def __init__(self, app: App, organization_id: str, work: Callable[["Side"], object], ends: Sequence[str]) -> None:
        self._app, self._organization_id, self._work, self._ends = app, organization_id, work, ends
        self._may_go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run)
        self._error: BaseException | None = None
        self._backend: int | None = None
        self._is_moving = self.is_over = False
        self._thread.start()

    def _run(self) -> None:
        database = self._app.database
        try:
            assert self._may_go.acquire(timeout=_PATIENCE)
            with database.connected(), organization_scope(self._organization_id):
                if not isinstance(database, SqliteDatabase):
                    self._backend = database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
                database.query_hooks.append(self._note)
                self._work(self)
        except BaseException as error:  # noqa: BLE001 - whatever it is, `finish` raises it
            self._error = error
        finally:
            if self._note in database.query_hooks:
                database.query_hooks.remove(self._note)
            self.is_over = True
            self._stands.release()

    def _note(self, event: Any) -> None:
        if threading.current_thread() is self._thread and any(text in event.sql for text in self._ends):
            self.pause()

    def pause(self) -> None:
        """End a step; the thread itself says so."""
        self._stands.release()
        assert self._may_go.acquire(timeout=_PATIENCE)

    def step(self) -> None:
        """Let it do a step. Where the other side has a lock that this needs, it goes on when that is free, and this is its turn."""
        if not self._is_moving and not self.is_over:
            self._is_moving = True
            self._may_go.release()
        for _ in range(round(_PATIENCE / _OFTEN)):
            if not self._is_moving or self._stands.acquire(timeout=_OFTEN):
                self._is_moving = False
                return
            if self._is_blocked():
                return
        raise TimeoutError("a step neither ends nor waits for a lock")

    def _is_blocked(self) -> bool:
        if self._backend is None:
            return False
        with system_scope("test"):
            blocking = self._app.database.execute_sql("SELECT cardinality(pg_blocking_pids(%s))", (self._backend,)).fetchone()[0]
        return bool(blocking)

    def finish(self) -> None:
        """Wait for the end of its thread; raises what that raised."""
        self._thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error


def interleave(order: str, *sides: Side) -> None:
    """Let the sides do their steps in this order, and then those that had to wait for a lock."""
    for turn in order:
        sides[int(turn)].step()
    while not all(side.is_over for side in sides):
        for side in sides:
            side.step()
    for side in sides:
        side.finish()
