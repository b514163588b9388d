"""One engine host per machine: started on demand, restarted after a crash, stopped when no longer needed."""

import hashlib
import http.client
import json
import os
import platform
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aasim_core.secrets import Secret

from ..engines.hookspecs import Cancelled, EngineError, ShouldCancel
from .host import CLIENTS, ENDPOINT, HOST
from .locks import SHARED, exclusive, is_held, lock, opened
from .settings import LocalSettings

_MODULE = "aasim_plugins.engine_local.host"
_STARTING, _LOG = "starting.lock", "host.log"
_POLL_SECONDS = 0.1
_HEALTH_SECONDS = 2.0


@dataclass(frozen=True)
class Endpoint:
    """Where the running host is, and the key to it."""

    url: str
    key: Secret = field(repr=False)
    pid: int


class Supervisor:
    """Finds or starts the host for one set of settings; every process of the installation has its own supervisor."""

    def __init__(self, settings: LocalSettings, data_dir: Path) -> None:
        self._settings = settings
        self._parent = data_dir / "run" / "engine_local"
        self._thread_lock = threading.Lock()
        self._joined: tuple[Path, int] | None = None

    def endpoint(self, should_cancel: ShouldCancel) -> Endpoint:
        """The running host, started if there is none; raises `EngineError` or `Cancelled`."""
        check = _limit(self._settings.start_seconds, should_cancel)
        with _one_at_a_time(self._thread_lock, check):
            folder = self._folder()
            self._join(folder)
            if not (is_held(folder / HOST) and (folder / ENDPOINT).exists()):
                with exclusive(folder / _STARTING, check):
                    if not is_held(folder / HOST):
                        self._start(folder, check)
            return _read(folder / ENDPOINT)

    def suspect(self, endpoint: Endpoint) -> None:
        """Kill the host at `endpoint` if it does not answer, so that the next call gets a new one."""
        folder = self._folder()
        if is_held(folder / HOST) and not _is_healthy(endpoint):
            with exclusive(folder / _STARTING, _limit(self._settings.start_seconds, lambda: False)):
                if is_held(folder / HOST) and _read(folder / ENDPOINT) == endpoint:
                    os.kill(endpoint.pid, signal.SIGKILL)

    def release(self) -> None:
        """Need the host no longer; it ends when no other process needs it either."""
        if self._joined is not None:
            os.close(self._joined[1])
            self._joined = None

    def _folder(self) -> Path:
        """The folder of this very host: another machine, another model or other settings have another one."""
        path = self._settings.model_path
        try:
            state = path.stat()
        except OSError as error:
            raise EngineError(
                "unavailable",
                f'there is no model file {path}; run "aasim engines fetch", or set engine_local.model_path',
                retryable=False,
            ) from error
        facts = [platform.node(), str(path.absolute()), state.st_size, state.st_mtime_ns, sys.executable, repr(self._settings)]
        folder = self._parent / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _join(self, folder: Path) -> None:
        if self._joined is None or self._joined[0] != folder:
            self.release()
            self._joined = folder, opened(folder / CLIENTS)
            lock(self._joined[1], SHARED)

    def _start(self, folder: Path, check: Callable[[], None]) -> None:
        (folder / ENDPOINT).unlink(missing_ok=True)
        options = {**asdict(self._settings), "model_path": str(self._settings.model_path.absolute()), "folder": str(folder)}
        with (folder / _LOG).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, with the operator's settings
                [sys.executable, "-m", _MODULE, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal ends the callers first, and they may still need it
            )
        # Waits for the child's end, so that no dead process stays behind.
        threading.Thread(target=process.wait, name="engine-host-reaper", daemon=True).start()
        try:
            answer = _answer_of(process, check)
        except BaseException:
            process.kill()
            raise
        if "error" in answer:
            raise EngineError("unavailable", f"the engine host cannot start: {answer['error']}; see {folder / _LOG}")


def _limit(seconds: float, should_cancel: ShouldCancel) -> Callable[[], None]:
    deadline = time.monotonic() + seconds

    def check() -> None:
        if should_cancel():
            raise Cancelled
        if time.monotonic() > deadline:
            raise EngineError("unavailable", f"the engine host did not start within {seconds:g} seconds")

    return check


@contextmanager
def _one_at_a_time(thread_lock: threading.Lock, check: Callable[[], None]) -> Iterator[None]:
    while not thread_lock.acquire(timeout=_POLL_SECONDS):
        check()
    try:
        yield
    finally:
        thread_lock.release()


def _answer_of(process: "subprocess.Popen[bytes]", check: Callable[[], None]) -> dict[str, Any]:
    """What the child says about its start; the end of its output, if it dies, comes at once too."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout as stdout:
        while not select.select([stdout], [], [], _POLL_SECONDS)[0]:
            check()
        answer = stdout.readline()
    return json.loads(answer) if answer else {"error": "it ended without a word"}


def _read(path: Path) -> Endpoint:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise EngineError("unavailable", "the engine host has just gone") from error
    return Endpoint(found["url"], Secret(found["key"]), found["pid"])


def _is_healthy(endpoint: Endpoint) -> bool:
    address = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
