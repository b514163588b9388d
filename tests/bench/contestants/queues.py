"""How J4's contestants hand an execution on: `BENCH_QUEUE` is `table` (a job row, and a datagram to the worker), `huey` or `celery`.

`BENCH_WORK` is the module whose `finish` is the task of huey and Celery, which both run on Redis.
"""

import os
import socket
from collections.abc import Callable
from importlib import import_module

QUEUE = os.environ.get("BENCH_QUEUE", "table")


def task() -> Callable[[str], None]:
    """What huey and Celery do with the id of an execution."""
    function: Callable[[str], None] = import_module(os.environ["BENCH_WORK"]).finish
    return function


def sender() -> Callable[[str], object]:
    """What tells the queue of an execution, after its commit."""
    if QUEUE == "huey":
        from .peers.huey import run

        return run
    if QUEUE == "celery":
        from .peers.celery import run as task

        return task.delay
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    return lambda execution_id: _ring(bell)


def _ring(bell: socket.socket) -> None:
    """Wake the worker; it looks by itself every half second if this is lost."""
    try:
        bell.sendto(b"1", os.environ["BENCH_BELL"])
    except (BlockingIOError, ConnectionRefusedError, FileNotFoundError):
        return
