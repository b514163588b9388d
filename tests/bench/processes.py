"""Starts servers and workers as real processes, waits until they answer, and ends them with their children."""

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import randbelow


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on.

    It is below those that systems give to connections (from 32768 on Linux), so that none takes it before the caller listens on it.
    """
    while True:
        port = 10_000 + randbelow(22_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def eventually(check: Callable[[], object], what: str, *, seconds: float = 60, pause: float = 0.02) -> None:
    """Ask `check` until it is true; TimeoutError naming `what` after `seconds`."""
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(pause)


def answers(port: int, path: str = "/", *, below: int = 500) -> bool:
    """Whether an HTTP server on `port` answers a GET of `path` with a status below `below`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < below
    except OSError:
        return False
    finally:
        connection.close()


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without any setting of Aasim, and `settings`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AASIM_")} | dict(settings)


def spawn(command: Sequence[str], settings: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command, env=environment(settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def end(process: subprocess.Popen[bytes], grace: float = 15) -> int:
    """Ask the process to stop, kill its whole group when `grace` seconds were not enough; its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(grace)
    except subprocess.TimeoutExpired:
        return kill(process)


def kill(process: subprocess.Popen[bytes]) -> int:
    """End the process and its children at once, as a loss of power would."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.poll()
    return process.wait(60)


@contextmanager
def running(
    commands: Sequence[Sequence[str]], settings: Mapping[str, str], log: Path, ready: Callable[[], bool]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep `commands` running while the body runs; entered when `ready` holds."""
    processes = [spawn(command, settings, log) for command in commands]
    try:
        eventually(lambda: ready() or _ended(processes, log), f"the start of {commands[0][0]}")
        yield processes
    finally:
        for process in reversed(processes):
            end(process)


def _ended(processes: Sequence[subprocess.Popen[bytes]], log: Path) -> bool:
    for process in processes:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}; the end of {log}:\n{tail(log)}")
    return False


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def memory(pid: int) -> int:
    """The proportional resident memory of a process, in KiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def cpu_seconds(pids: Sequence[int]) -> float:
    """The processor time that the processes and their children took so far."""
    ticks = 0
    for pid in [pid for parent in pids for pid in (parent, *children(parent))]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The process's children and theirs."""
    own = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in _children_of(task)]
    return own + [grandchild for child in own for grandchild in children(child)]


def _children_of(task: Path) -> list[int]:
    try:
        return [int(child) for child in (task / "children").read_text().split()]
    except FileNotFoundError:  # the thread has ended meanwhile
        return []
