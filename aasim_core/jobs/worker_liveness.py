"""Detect dead workers: each holds a lock on its own file, which the kernel releases when the process ends.

If another process on the same machine can lock a worker's file, that worker is certainly dead, however it died, so its jobs need not wait
for their leases to expire. The state of workers on other machines is unknown, and their leases decide.
"""

import fcntl
import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

LOCK_SUFFIX, SOCKET_SUFFIX = ".lock", ".sock"


class Presence:
    """The locks of the workers of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "workers"
        self._host = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:24]
        self._held: dict[str, int] = {}

    def enter(self) -> str:
        """Announce a new worker; returns its unique name."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{self._host}-{os.getpid()}-{token_hex(4)}"
        handle = os.open(self._folder / (name + LOCK_SUFFIX), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._held[name] = handle
        return name

    def leave(self, name: str) -> None:
        """Withdraw the worker."""
        handle = self._held.pop(name, None)
        if handle is not None:
            self.forget(name)
            os.close(handle)

    def is_dead(self, name: str) -> bool:
        """Return whether the worker `name` has certainly ended."""
        if name in self._held or name.rpartition("-")[0].rpartition("-")[0] != self._host:
            return False
        try:
            handle = os.open(self._folder / (name + LOCK_SUFFIX), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    def dead(self) -> list[str]:
        """Return the workers that ended without withdrawing."""
        names = [path.name.removesuffix(LOCK_SUFFIX) for path in self._folder.glob("*" + LOCK_SUFFIX)]
        return [name for name in names if self.is_dead(name)]

    def forget(self, name: str) -> None:
        """Remove a dead worker's file, once none of its jobs is leased any more."""
        for suffix in (LOCK_SUFFIX, SOCKET_SUFFIX):
            with suppress(OSError):
                (self._folder / (name + suffix)).unlink()
