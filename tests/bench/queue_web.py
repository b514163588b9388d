"""J4's API for the floor and the queues' peers: an execution is recorded in one durable commit and handed to a queue.

`BENCH_QUEUE` chooses the queue: `table` (a job row in the same commit and a datagram as the doorbell), `huey` or `celery` (both
on Redis, sent to after the commit, as their users do).
"""

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from . import shape
from .floor_web import ONE, STORE, Environ, Refused, StartResponse, principal

QUEUE = os.environ.get("BENCH_QUEUE", "table")
BELL = os.environ.get("BENCH_BELL", "")
EXECUTION = STORE.prepare(
    "INSERT INTO execution (id, organization_id, agent_id, status, input, created_at) VALUES (?, ?, ?, 'queued', ?, ?)"
)
JOB = STORE.prepare("INSERT INTO job (id, execution_id, payload, state, run_at) VALUES (?, ?, ?, 'queued', ?)")


def sender() -> Callable[[str], object]:
    """What tells the queue of an execution, after its commit."""
    if QUEUE == "huey":
        from .peer_huey import run

        return run
    if QUEUE == "celery":
        from .peer_celery import run as task

        return task.delay
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    return lambda execution_id: ring(bell)


def ring(bell: socket.socket) -> None:
    """Wake the worker; it looks by itself every half second if this is lost."""
    try:
        bell.sendto(b"1", BELL)
    except (BlockingIOError, ConnectionRefusedError, FileNotFoundError):
        return


SEND = sender()


def executed(environ: Environ, agent_id: str) -> str:
    """Record a queued execution of the agent; its id."""
    user, organization = principal(environ, "agents:execute")
    body = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    if not isinstance(body.get("input"), str) or not STORE.rows(ONE, (organization, user, agent_id)):
        raise Refused("422 Unprocessable Content")
    execution_id, at = shape.new_id("execution"), shape.text(datetime.now(UTC))
    with STORE.write() as execute:
        execute(EXECUTION, (execution_id, organization, agent_id, orjson.dumps(body["input"]).decode(), at))
        if QUEUE == "table":
            execute(JOB, (shape.new_id("job"), execution_id, "{}", at))
    SEND(execution_id)
    return execution_id


def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """The WSGI application: `POST /api/v1/agents/{id}/execute` alone."""
    try:
        execution_id = executed(environ, environ["PATH_INFO"].split("/")[4])
        status, answer = "202 Accepted", {"success": True, "data": {"id": execution_id, "status": "queued"}, "message": "Queued."}
    except Refused as refusal:
        status, answer = str(refusal), {"success": False, "message": str(refusal), "errors": {}}
    body = orjson.dumps(answer)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
