"""The floor of J1 to J3: the same answers by hand, as a bare WSGI application on prepared statements and orjson."""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .. import shape
from .store import open_store

STORE = open_store(os.environ["BENCH_DATABASE_URL"])
_NAMES = ", ".join(shape.COLUMNS)
_IS_JSON = tuple(name in shape.JSON_COLUMNS for name in shape.COLUMNS)
SESSION = STORE.prepare(
    "SELECT p.id, m.role FROM session s JOIN person p ON p.id = s.person_id"
    " JOIN membership m ON m.person_id = p.id AND m.organization_id = ? JOIN organization o ON o.id = m.organization_id"
    " WHERE s.id = ? AND s.revoked_at IS NULL AND p.status = 'active' AND o.status = 'active'"
)
_VISIBLE = "organization_id = ? AND deleted_at IS NULL AND (visibility = 'organization' OR owner_id = ?)"
FIRST = STORE.prepare(f"SELECT {_NAMES} FROM agent WHERE {_VISIBLE} ORDER BY created_at DESC, id DESC LIMIT ?")
AFTER = STORE.prepare(
    f"SELECT {_NAMES} FROM agent WHERE {_VISIBLE} AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?"
)
TOTAL = STORE.prepare(f"SELECT count(*) FROM agent WHERE {_VISIBLE}")
ONE = STORE.prepare(f"SELECT {_NAMES} FROM agent WHERE {_VISIBLE} AND id = ?")
INSERT = STORE.prepare(f"INSERT INTO agent ({_NAMES}) VALUES ({', '.join('?' * len(shape.COLUMNS))})")
EVENT = STORE.prepare("INSERT INTO event (id, organization_id, at, actor, name, subject, data) VALUES (?, ?, ?, ?, ?, ?, ?)")
_KINDS = {name: type(value) for name, value in shape.NEW_AGENT.items()}

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Refused(Exception):
    """The request is answered with this status line."""


def principal(environ: Environ, permission: str) -> tuple[str, str]:
    """The user and the organization of the request's token, if its session stands and its role has `permission`."""
    head, body, signature = environ["HTTP_AUTHORIZATION"][7:].split(".")
    expected = hmac.digest(shape.KEY, f"{head}.{body}".encode(), hashlib.sha256)
    if not hmac.compare_digest(expected, base64.urlsafe_b64decode(signature + "=")):
        raise Refused("401 Unauthorized")
    claims = orjson.loads(base64.urlsafe_b64decode(body + "=="))
    if claims["exp"] < time.time():
        raise Refused("401 Unauthorized")
    found = STORE.rows(SESSION, (claims["org"], claims["sid"]))
    if not found:
        raise Refused("401 Unauthorized")
    if permission not in shape.PERMISSIONS[found[0][1]]:
        raise Refused("403 Forbidden")
    return found[0][0], claims["org"]


def shown(row: Iterable[Any]) -> dict[str, Any]:
    """A row as its answer shows it; JSON columns are passed through unparsed."""
    return {
        name: orjson.Fragment(value) if is_json and value is not None else value
        for name, value, is_json in zip(shape.COLUMNS, row, _IS_JSON, strict=True)
    }


def listed(environ: Environ) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    """J1: a page of agents, newest first, by keyset."""
    user, organization = principal(environ, "agents:read")
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    limit = int(query.get("limit", 25))
    if "cursor" in query:
        created_at, agent_id = opened(query["cursor"], organization)
        rows = STORE.rows(AFTER, (organization, user, created_at, agent_id, limit + 1))
    else:
        rows = STORE.rows(FIRST, (organization, user, limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    items = [shown(row) for row in rows]
    cursor = sealed(items[-1]["created_at"], items[-1]["id"], organization) if more else None
    pagination = {"limit": limit, "next_cursor": cursor, "has_more": more}
    if query.get("include") == "total":
        pagination["total"] = STORE.rows(TOTAL, (organization, user))[0][0]
    return "200 OK", {"success": True, "data": {"items": items, "pagination": pagination}, "message": "OK"}, []


def sealed(moment: str, row_id: str, organization: str) -> str:
    """A cursor behind the row of that time and id, which is good for the organization's lists only."""
    plain = f"{moment}|{row_id}".encode()
    return base64.urlsafe_b64encode(plain + hmac.digest(shape.KEY, plain + organization.encode(), hashlib.sha256)[:16]).decode()


def opened(cursor: str, organization: str) -> list[str]:
    """The time and the id that a cursor holds."""
    data = base64.urlsafe_b64decode(cursor)
    if not hmac.compare_digest(data[-16:], hmac.digest(shape.KEY, data[:-16] + organization.encode(), hashlib.sha256)[:16]):
        raise Refused("400 Bad Request")
    return data[:-16].decode().split("|")


def read(environ: Environ, agent_id: str) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    """J2: one agent by its id."""
    user, organization = principal(environ, "agents:read")
    found = STORE.rows(ONE, (organization, user, agent_id))
    if not found:
        raise Refused("404 Not Found")
    item = shown(found[0])
    return "200 OK", {"success": True, "data": item, "message": "OK"}, [("ETag", f'"{item["version"]}"')]


def created(environ: Environ) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    """J3: a new agent with its event, in one durable commit."""
    user, organization = principal(environ, "agents:create")
    fields = orjson.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    if any(type(fields.get(name)) is not kind for name, kind in _KINDS.items()) or not 1 <= len(fields["name"]) <= 200:
        raise Refused("422 Unprocessable Content")
    agent = shape.agent(fields, organization, user, datetime.now(UTC))
    at = agent["created_at"] = agent["updated_at"] = shape.text(agent["created_at"])
    values = [orjson.dumps(agent[name]).decode() if name in shape.JSON_COLUMNS else agent[name] for name in shape.COLUMNS]
    event = (
        shape.new_id("event"),
        organization,
        at,
        user,
        "agents.created",
        agent["id"],
        orjson.dumps({"name": agent["name"]}).decode(),
    )
    with STORE.write() as execute:
        execute(INSERT, values)
        execute(EVENT, event)
    answer = {"success": True, "data": {name: agent[name] for name in shape.COLUMNS}, "message": "Created."}
    return "201 Created", answer, [("Location", f"/api/v1/agents/{agent['id']}"), ("ETag", '"1"')]


def answered(environ: Environ) -> tuple[str, dict[str, Any], list[tuple[str, str]]]:
    """What is answered to the request."""
    if environ["REQUEST_METHOD"] == "POST":
        return created(environ)
    if environ["PATH_INFO"] == "/api/v1/agents":
        return listed(environ)
    return read(environ, environ["PATH_INFO"].removeprefix("/api/v1/agents/"))


def sent(answering: Callable[[Environ], Any], environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Send what `answering` answers, or that it refused."""
    try:
        status, answer, headers = answering(environ)
    except Refused as refusal:
        status, answer, headers = str(refusal), {"success": False, "message": str(refusal), "errors": {}}, []
    body = orjson.dumps(answer)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers])
    return [body]


def application(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """The WSGI application."""
    return sent(answered, environ, start_response)
