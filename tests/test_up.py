"""``aasim up``, as a person runs it: it prepares everything once, serves, and stops in good order."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.long

_LAST_LINE = "Ctrl-C stops."


def aasim(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "aasim_core", *arguments]


def seconds_of(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


class Platform:
    """A running ``aasim up``, and what it has written so far."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = aasim("up", "--port", str(self.port), "--data", "data", *arguments)
        self.output = ""
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def read_until(self, text: str, seconds: float = 120) -> str:
        """Read what it writes until `text` comes, which must be soon."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert select.select([self.process.stdout], [], [], deadline - time.monotonic())[0], self.output
            piece = os.read(self.process.stdout.fileno(), 65536).decode()
            assert piece, f"it ended without saying {text!r}:\n{self.output}"
            self.output += piece
        return self.output

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send the signal, and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest.decode()
        return self.process.returncode

    def is_ready(self) -> bool:
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    started: list[Platform] = []

    def start(*arguments: str) -> Platform:
        started.append(Platform(tmp_path, *arguments))
        return started[-1]

    yield start
    for platform in started:
        if platform.process.poll() is None:
            platform.stop(signal.SIGTERM)


def test_the_first_start_prepares_everything_and_the_second_changes_nothing(up: Callable[..., Platform], tmp_path: Path) -> None:
    first = up()
    output = first.read_until(_LAST_LINE)
    assert re.search(r"Database: \d+ migrations applied", output)
    assert re.search(r"Password +\S{16,}", output)
    assert f"curl -s http://127.0.0.1:{first.port}/api/v1/auth/login" in output
    assert first.is_ready()
    assert first.stop() == 0
    # On a machine that is busy with other tests everything takes longer: one command that loads the platform says how much.
    reference = seconds_of(lambda: subprocess.run(aasim("migrate", "--check", "--data", "data"), cwd=tmp_path, check=True))
    second = up()
    assert seconds_of(lambda: second.read_until(_LAST_LINE)) < max(3, 4 * reference)
    output = second.output
    assert "Database: up to date" in output
    assert "Password" not in output
    assert second.stop(signal.SIGTERM) == 0


def test_a_process_that_is_killed_comes_back(up: Callable[..., Platform]) -> None:
    platform = up()
    platform.read_until(_LAST_LINE)
    children = subprocess.run(
        ["pgrep", "-P", str(platform.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    platform.read_until("serve was ended by SIGKILL; it is started again")
    platform.read_until("worker was ended by SIGKILL; it is started again")
    deadline = time.monotonic() + 30
    while not _answers(platform):
        assert time.monotonic() < deadline, platform.output
    assert platform.stop() == 0


def test_a_taken_port_is_a_sentence(up: Callable[..., Platform], tmp_path: Path) -> None:
    first = up()
    first.read_until(_LAST_LINE)
    second = up("--port", str(first.port))
    output, _ = second.process.communicate(timeout=30)
    assert second.process.returncode == 69
    assert f"cannot listen on 127.0.0.1:{first.port}" in output.decode()


def _answers(platform: Platform) -> bool:
    try:
        return platform.is_ready()
    except OSError:
        return False
