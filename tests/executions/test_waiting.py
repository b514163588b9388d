"""``Prefer: wait``: the answer that comes when the run has ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off


@contextmanager
def worker(app: App) -> Iterator[None]:
    """A thread that does what is due, until the block ends."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            work_off(app)
            stop.wait(0.01)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.long
def test_a_repeated_request_is_answered_as_the_first_that_waited(app: App, owner: Person, scripted: Callable[..., Any]) -> None:
    path, headers = f"/agents/{scripted('done')['id']}/execute", {"Idempotency_Key": "once", "Prefer": "wait=20"}
    with worker(app):
        first = owner.client.post(path, {"input": "hello"}, **headers)
    replayed = owner.client.post(path, {"input": "hello"}, **headers)

    assert (first.status, first.data["status"]) == (200, "succeeded")
    assert (replayed.status, replayed.body) == (200, first.body)
    assert replayed.headers["preference-applied"] == first.headers["preference-applied"] == "wait=20"
    assert replayed.headers["idempotency-replayed"] == "true"
