"""The receiver in Python that the documentation shows."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from ..bench.processes import eventually, free_port
from ..docs.pages import pages_of
from .conftest import EVENT, Hooks

Start = Callable[[str], tuple[str, Path]]


@pytest.fixture
def example(tmp_path: Path, root: Path) -> Iterator[Start]:
    """Starts it with a secret; returns its URL, and the file that it prints to."""
    port, output, program = free_port(), tmp_path / "output.txt", tmp_path / "receiver.py"
    [receiver] = pages_of(root)["docs/use/webhooks.md"].blocks("python")
    program.write_text(receiver)
    running = []

    def start(secret: str) -> tuple[str, Path]:
        variables = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
        with output.open("wb") as file:
            running.append(subprocess.Popen([sys.executable, program], env=variables, stdout=file, stderr=subprocess.DEVNULL))
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: is_refused(url, b"{}", {}), "the start of the receiver")
        return url, output

    yield start
    for process in running:
        process.kill()
        process.wait(60)


def is_refused(url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Whether the receiver answers 400; False while nobody answers."""
    try:
        return httpx2.post(url, content=body, headers=headers).status_code == 400
    except httpx2.ConnectError:
        return False


def test_it_takes_each_event_once_and_refuses_what_is_not_signed(hooks: Hooks, work: Callable[[], int], example: Start) -> None:
    webhook = hooks.make()
    url, output = example(webhook["secret"])
    hooks.client.patch(f"/webhooks/{webhook['id']}", {"url": url})
    hooks.happen("Shop")
    work()
    hooks.redeliver(hooks.delivery(webhook))
    work()
    assert hooks.delivery(webhook)["status"] == "delivered"
    assert output.read_text() == f"{EVENT} Shop\n"
