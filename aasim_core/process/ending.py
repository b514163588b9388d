"""The end of a process: it does not wait forever for what plugins left running."""

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import thread as executors
from pathlib import Path
from types import FrameType

import structlog

from ..plugins.manifest import Plugin

#: How long the end of a process waits for the threads of plugins, and for their hooks `shutdown`.
SECONDS = 5.0
_log = structlog.get_logger("aasim.plugins")


def ends_within(seconds: float, work: Callable[[], object]) -> bool:
    """Call it in a thread that keeps no process; returns whether it ended within this many seconds."""
    thread = threading.Thread(target=work, name="ending", daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def leave_threads(code: int) -> None:
    """Return when no thread keeps the process; after `SECONDS`, name those that still do, and end the process with the code.

    What was registered to be called at the end is called first.
    """
    end = time.monotonic() + SECONDS
    for thread in _kept():
        thread.join(max(0.0, end - time.monotonic()))
    left = list(_kept())
    if not left:
        return
    for thread in left:
        plugin, place = _origin_of(thread)
        reason = f"the thread {thread.name} does not end{f' ({place})' if place else ''}"
        _log.error("the process does not wait any longer", plugin=plugin, reason=reason, seconds=SECONDS)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _kept() -> Iterator[threading.Thread]:
    """The other threads for which Python waits; it ends those of executors that have nothing to do."""
    for thread in threading.enumerate():
        if not (thread.daemon or thread in (threading.current_thread(), threading.main_thread()) or _is_idle(thread)):
            yield thread


def _is_idle(thread: threading.Thread) -> bool:
    innermost = next(_frames_of(thread), None)
    return thread in executors._threads_queues and innermost is not None and innermost.f_code.co_filename == executors.__file__


def _origin_of(thread: threading.Thread) -> tuple[str | None, str | None]:
    """Return the plugin whose code the thread runs, and its line; None for both where it runs none's."""
    for frame in _frames_of(thread):
        package = frame.f_globals.get("__package__") or frame.f_globals.get("__name__") or ""
        while package:
            if isinstance(getattr(sys.modules.get(package), "plugin", None), Plugin):
                file = Path(frame.f_code.co_filename)
                return package.rpartition(".")[2], f"{file.parent.name}/{file.name}:{frame.f_lineno}"
            package = package.rpartition(".")[0]
    return None, None


def _frames_of(thread: threading.Thread) -> Iterator[FrameType]:
    """The frames of a thread that runs, from the innermost to the outermost."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        yield frame
        frame = frame.f_back
