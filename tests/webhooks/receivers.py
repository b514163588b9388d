"""The receivers that the documentation shows, as processes of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from ..bench.processes import eventually, free_port
from .conftest import Hooks


def given_an_event_twice(
    hooks: Hooks, work: Callable[[], int], command: Sequence[str | Path], folder: Path
) -> tuple[str, list[str]]:
    """Has a ping, and twice an event of ``Shop``, sent to the receiver that the command starts in the folder; it must take the ping.

    Returns the status of the delivery, and the lines that the receiver has printed.
    """
    webhook = hooks.make()
    output = folder / "output.txt"
    with _running(command, folder, output, webhook["secret"]) as url:
        hooks.client.patch(f"/webhooks/{webhook['id']}", {"url": url})
        assert hooks.client.post(f"/webhooks/{webhook['id']}/test").data["code"] == "succeeded"
        hooks.happen("Shop")
        work()
        hooks.redeliver(hooks.delivery(webhook))
        work()
    return hooks.delivery(webhook)["status"], output.read_text().splitlines()


@contextmanager
def _running(command: Sequence[str | Path], folder: Path, output: Path, secret: str) -> Iterator[str]:
    """The URL of the receiver, which refuses what is not signed once it is there."""
    port = free_port()
    variables = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=file, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _is_refused(url), "the start of the receiver")
        yield url
    finally:
        process.kill()
        process.wait(60)


def _is_refused(url: str) -> bool:
    """Whether the receiver answers 400 to a message without a signature; False while nobody answers."""
    try:
        return httpx2.post(url, content=b"{}").status_code == 400
    except httpx2.ConnectError:
        return False
