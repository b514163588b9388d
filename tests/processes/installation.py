"""An installation as an operator has it: a folder, settings, and real processes, whose every output is looked through."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peewee

from aasim_core.data.backends.sqlite.write_queue import WriteQueue

from ..bench import processes
from .client import API, Client, Secrets


def aasim(*arguments: str) -> list[str]:
    """The command line; -P keeps the folder that it is called from out of the import path."""
    return [sys.executable, "-P", "-m", "aasim_core", *arguments]


@dataclass
class Process:
    """A running process, and what it has written so far."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def output(self) -> str:
        """What it has written to standard output and standard error."""
        return self.log.read_text(errors="replace")

    def says(self, text: str, seconds: float = 120, *, after: int = 0) -> str:
        """Wait until it has written `text`, behind the first `after` characters; returns all that it wrote."""
        processes.eventually(lambda: text in self.output[after:] or self._refuse_end(text), f"{text!r}", seconds=seconds)
        return self.output

    def _refuse_end(self, text: str) -> bool:
        assert self.popen.poll() is None or text in self.output, f"it ended without saying {text!r}:\n{self.output}"
        return False

    def children(self) -> dict[str, int]:
        """The processes that `aasim up` keeps running, by name."""
        found = {}
        for pid in (int(p) for p in Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            found |= {name: pid for name in ("serve", "worker") if name in words}
        return found

    def send(self, number: int) -> None:
        """Send a signal to this process, not to its children."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it as a loss of power would."""
        processes.kill(self.popen)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 120) -> int:
        """Ask it to stop, and wait; its exit code."""
        if self.popen.poll() is None:
            self.send(number)
        return self.popen.wait(seconds)


@dataclass
class Installation:
    """A data folder with settings, and the processes that were started on it."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    port: int = field(default_factory=processes.free_port)
    started: list[Process] = field(default_factory=list)
    #: A plugin that fails, as the test wants.
    faulty: str = "none"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of its processes; what they leave for somebody to read falls into the folder too."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        settings = {
            "AASIM_DATA_DIR": str(self.data), "AASIM_BIND": f"127.0.0.1:{self.port}", "AASIM_SERVER__WORKERS": "1",
            "AASIM_DATABASE__POOL_WAIT_SECONDS": "30", "TMPDIR": str(self.folder / "tmp"), **self.settings, **more,
        }  # fmt: skip
        return processes.environment(settings)

    def run(
        self, *arguments: str, under: Sequence[str] = (), seconds: float = 300, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, perhaps `under` another program; its output must hold no secret."""
        done = subprocess.run(
            [*under, *aasim(*arguments)], env=self.environment(**more), cwd=self.folder, capture_output=True, text=True, timeout=seconds,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.secrets.refuse(done.stdout + done.stderr, f"the output of aasim {' '.join(arguments)}")
        return done

    def start(self, *arguments: str, **more: str) -> Process:
        """Start a process, such as ``start("worker")``; API and worker end with this one, however that ends."""
        if arguments[0] in ("serve", "worker"):
            arguments += ("--parent", str(os.getpid()))
        log = self.folder / f"{arguments[0]}-{len(self.started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                aasim(*arguments), env=self.environment(**more), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        self.started.append(Process(popen, log))
        return self.started[-1]

    def serve(self, **more: str) -> Process:
        """Start the API, and wait until it wants requests."""
        process = self.start("serve", **more)
        self.wait_ready(process)
        return process

    def wait_ready(self, process: Process, seconds: float = 120) -> None:
        """Wait until the API wants requests; AssertionError if the process ends instead."""

        def look() -> bool:
            assert process.popen.poll() is None, f"it ended with {process.popen.poll()}:\n{process.output}"
            return processes.answers(self.port, f"{API}/health/ready", below=300)

        processes.eventually(look, "the start of the API", seconds=seconds)

    @property
    def visitor(self) -> Client:
        """Somebody without an account."""
        return Client(self.port, self.secrets)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, past the tenant scope."""
        connection = sqlite3.connect(self.data / "aasim.db", timeout=30)
        try:
            return list(connection.execute(sql, values))
        finally:
            connection.close()

    def freeze(self, pid: int) -> None:
        """Stop a process, as a machine that swaps would, in a moment in which it keeps nobody else from the database."""
        processes.eventually(lambda: self._is_frozen(pid), f"a moment in which {pid} does not write")

    def _is_frozen(self, pid: int) -> bool:
        os.kill(pid, signal.SIGSTOP)
        processes.eventually(lambda: _has_stopped(pid), f"the stop of {pid}")  # a thread that writes to the disk stops afterwards
        path = self.data / "aasim.db"
        try:
            with WriteQueue(str(path), 1).turn(), closing(sqlite3.connect(path, timeout=1)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except (peewee.OperationalError, sqlite3.OperationalError):
            os.kill(pid, signal.SIGCONT)
            return False
        return True

    def close(self) -> None:
        """End what still runs, and look for secrets and for tracebacks in everything that was written."""
        for process in self.started:
            if process.popen.poll() is None:
                process.kill()
        for path in (path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".gguf"):
            content = path.read_bytes().decode("latin-1")
            self.secrets.refuse(content, str(path.relative_to(self.folder)))
            if path.suffix == ".log":
                _refuse_tracebacks(content, path.name, f"{self.faulty}/__init__.py")


def _refuse_tracebacks(log: str, name: str, expected: str) -> None:
    """AssertionError if somebody failed for a reason that nobody foresaw."""
    for line in log.splitlines():
        assert "Traceback" not in line or '"event":"a job raised"' in line or expected in line, f"{name}: {line}"


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int) -> None:
    """End a process as a loss of power would."""
    os.kill(pid, signal.SIGKILL)


def _has_stopped(pid: int) -> bool:
    """Whether every thread of the process has."""
    states = (task.joinpath("stat").read_text().rpartition(") ")[2][0] for task in Path(f"/proc/{pid}/task").iterdir())
    return all(state == "T" for state in states)
