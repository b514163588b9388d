"""``aasim up``, as a person runs it: it prepares everything once, serves, and stops in good order."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..bench.processes import answers, eventually, free_port

pytestmark = pytest.mark.long

_LAST_LINE = "Ctrl-C stops."


def aasim(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "aasim_core", *arguments]


class Platform:
    """A running ``aasim up``, and what it has written so far."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        command = aasim("up", "--port", str(self.port), "--data", "data", *arguments)
        self.output = ""
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def read_until(self, text: str, seconds: float = 300) -> str:
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
        rest, _ = self.process.communicate(timeout=120)
        self.output += rest.decode()
        return self.process.returncode

    def is_ready(self) -> bool:
        return answers(self.port, "/api/v1/health/ready", below=300)


@pytest.fixture
def without_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started does not have to fetch the embedded model."""
    monkeypatch.setenv("AASIM_PLUGINS__DISABLED", '["engine_local"]')


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


def test_the_first_start_prepares_everything_and_the_second_changes_nothing(up: Callable[..., Platform]) -> None:
    first = up()
    output = first.read_until(_LAST_LINE)
    assert re.search(r"Database: \d+ migrations applied", output)
    assert re.search(r"Password +\S{16,}", output)
    assert f"curl -s http://127.0.0.1:{first.port}/api/v1/auth/login" in output
    assert first.is_ready()
    assert first.stop() == 0
    second = up()
    output = second.read_until(_LAST_LINE)
    assert "Database: up to date" in output
    assert "migrations applied" not in output and "ownloading" not in output and "Password" not in output
    assert second.stop(signal.SIGTERM) == 0


@pytest.mark.usefixtures("without_model")
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
    eventually(platform.is_ready, "the second start of the API")
    assert platform.stop() == 0


@pytest.mark.usefixtures("without_model")
def test_a_taken_port_is_a_sentence(up: Callable[..., Platform]) -> None:
    first = up()
    first.read_until(_LAST_LINE)
    second = up("--data", "other", "--port", str(first.port))
    output, _ = second.process.communicate(timeout=120)
    assert second.process.returncode == 69
    assert f"cannot listen on 127.0.0.1:{first.port}" in output.decode()
