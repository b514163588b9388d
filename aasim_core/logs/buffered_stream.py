"""The output of the log: entries that can wait are rendered and written together by a separate thread."""

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, BinaryIO

Entry = MutableMapping[str, Any]

_GATHER_SECONDS = 0.1
#: Entries beyond this limit block the thread until they are written: an unread log must not fill the memory.
_MOST_WAITING = 10_000


class LogStream:
    """Writes what `render` makes of entries to `stream`, and loses what cannot be written: a full disk stops nothing else.

    With `gathers`, entries that can wait are written within about 0.1 s: to make a line and write it by itself takes a sixth of a
    small request's time, and lets other threads have Python's lock. A process that is killed loses what waits. nginx does the same
    where its ``access_log`` has a ``buffer`` and a ``flush``.
    """

    def __init__(self, stream: BinaryIO, render: Callable[[Entry], bytes], *, gathers: bool = False) -> None:
        self._stream, self._render, self._gathers = stream, render, gathers
        self._waiting: deque[Entry] = deque()
        self._begin_anew()
        if gathers:
            os.register_at_fork(after_in_child=self._begin_anew)
            atexit.register(self.end)

    def add(self, entry: Entry) -> None:
        """Write the entry, soon."""
        self._waiting.append(entry)
        if not self._gathers or len(self._waiting) > _MOST_WAITING:
            self.flush()
        elif not self._wanted.is_set():
            self._wanted.set()
            self._start()

    def write(self, entry: Entry) -> None:
        """Write the entry now, behind those that wait."""
        self._waiting.append(entry)
        self.flush()

    def flush(self) -> None:
        """Write the entries that wait."""
        with self._turn, suppress(OSError, ValueError):
            self._stream.write(b"".join([self._render(self._waiting.popleft()) for _ in range(len(self._waiting))]))
            self._stream.flush()

    def end(self) -> None:
        """Write what waits, and from now on each entry at once."""
        self._gathers = False
        self.flush()

    def _begin_anew(self) -> None:
        """A forked child has no thread, and its parent writes what waits."""
        self._waiting.clear()
        self._turn, self._start_turn, self._wanted = threading.Lock(), threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def _start(self) -> None:
        with self._start_turn:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, name="log", daemon=True)
                self._thread.start()

    def _keep_writing(self) -> None:
        pause = threading.Event()
        while self._gathers:
            self._wanted.wait()
            pause.wait(_GATHER_SECONDS)
            self._wanted.clear()
            self.flush()
