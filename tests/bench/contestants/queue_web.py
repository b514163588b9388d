"""J4's API by hand, for the floor and for a queue behind it: an execution is recorded in one durable commit and handed on."""

from datetime import UTC, datetime

import orjson

from . import shape
from .floor.web import ONE, STORE, Environ, Refused, StartResponse, principal
from .queues import QUEUE, sender

SEND = sender()
EXECUTION = STORE.prepare(
    "INSERT INTO execution (id, organization_id, agent_id, status, input, created_at) VALUES (?, ?, ?, 'queued', ?, ?)"
)
JOB = STORE.prepare("INSERT INTO job (id, execution_id, payload, state, run_at) VALUES (?, ?, ?, 'queued', ?)")


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
