"""Faults at chosen system calls of running processes, injected by strace."""

import itertools
import os
import re
import shutil
import signal
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..bench.processes import eventually

#: The calls by which a process changes something outside itself: files, the database's log, sockets.
WRITES = "write,pwrite64,fsync,fdatasync,sendto"


def is_usable() -> bool:
    """Whether strace is installed and may attach to our processes."""
    strace = shutil.which("strace")
    return (
        strace is not None
        and subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def attached(pids: Sequence[int], folder: Path, *options: str) -> Iterator[Path]:
    """Trace the processes with all their threads while the body runs; the trace is written to the yielded file."""
    trace, messages = folder / "trace.txt", folder / "strace.log"
    trace.unlink(missing_ok=True)
    targets = [part for pid in pids for part in ("-p", str(pid))]
    with messages.open("wb") as output:
        command = ["strace", "-f", "-o", str(trace), *options, *targets]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        eventually(lambda: _attachments(messages) >= len(pids) or process.poll() is not None, "attaching", pause=0.005)
        # One that attached and is over already had its process killed at the very first call.
        if process.poll() is not None and _attachments(messages) < len(pids):
            raise RuntimeError(f"strace could not attach: {messages.read_text()}")
        yield trace
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(60)


def _attachments(messages: Path) -> int:
    """How many processes strace holds with all their threads."""
    return len(re.findall(r"attached(?: with \d+ threads)?\n", messages.read_text()))


def killing_at(number: int, calls: str = WRITES) -> tuple[str, ...]:
    """Options that end a traced process at the `number`-th of these calls of any of its threads."""
    return ("-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={number}")


def full_disk(*paths: Path) -> tuple[str, ...]:
    """Options that make every write to the files fail as on a full disk."""
    only = [part for path in paths for part in ("-P", str(path))]
    calls = "write,pwrite64"
    return (*only, "-e", f"trace={calls}", "-e", f"inject={calls}:error=ENOSPC")


def most_calls_of_a_thread(trace: Path) -> int:
    """How many calls the busiest thread of a trace made."""
    return len(_calls_of_the_busiest(trace))


def deadly_calls(trace: Path) -> list[int]:
    """The calls of the busiest thread between which something else is written, by their numbers: of a series to one place in a file, which
    is a transaction of SQLite, the first and the last.
    """
    targets = [re.sub(r"^(\w+)\((\d+).*", r"\1 \2", call) for call in _calls_of_the_busiest(trace)]
    found = list[int]()
    for target, series in itertools.groupby(enumerate(targets, 1), lambda each: each[1]):
        numbers = [number for number, _ in series]
        found += {numbers[0], numbers[-1]} if target.startswith("pwrite64") else numbers
    return sorted(found)


def _calls_of_the_busiest(trace: Path) -> list[str]:
    calls = defaultdict[str, list[str]](list)
    for line in trace.read_text(errors="replace").splitlines():
        if "(" in line:
            thread, call = line.split(maxsplit=1)
            calls[thread].append(call)
    return max(calls.values(), key=len, default=[])
