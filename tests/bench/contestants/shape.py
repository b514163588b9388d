"""What every contestant stores and answers: the same agents, the same caller, the same permissions, the same token."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

#: The columns of an agent, in the order in which answers show them.
COLUMNS = (
    "id",
    "organization_id",
    "name",
    "slug",
    "description",
    "status",
    "visibility",
    "project_id",
    "owner_id",
    "tags",
    "engine_id",
    "instructions",
    "parameters",
    "input_schema",
    "output_schema",
    "tools",
    "memory",
    "limits",
    "rubric_ids",
    "forked_from",
    "agent_version",
    "version",
    "created_at",
    "updated_at",
)
JSON_COLUMNS = frozenset(
    ("tags", "parameters", "input_schema", "output_schema", "tools", "memory", "limits", "rubric_ids", "forked_from")
)
#: The eight fields that a client sends to create an agent.
NEW_AGENT: dict[str, Any] = {
    "name": "Bench agent 0123456789",
    "description": "Summarises the incoming message in one sentence and names its sender.",
    "visibility": "organization",
    "tags": ["mail", "summary"],
    "instructions": "Summarise the following message in one sentence: {{ input.text }}",
    "parameters": {"temperature": 0.2, "max_output_tokens": 400},
    "memory": {"mode": "none", "limit": 20},
    "limits": {"max_steps": 8, "timeout_seconds": 120},
}
_HELD = ("agents:create", "agents:update", "agents:delete", "agents:execute")
PERMISSIONS = {"builder": frozenset((*_HELD, *(f"{plural}:read" for plural in ("agents", "users", "projects", "activities"))))}
READER, OTHER, WRITER = (f"organization_{letter * 26}" for letter in "row")
ROWS = 10_000
KEY = b"a key of the benchmarks, thirty-two bytes and more"
_START = datetime(2026, 1, 1, tzinfo=UTC)


def new_id(prefix: str) -> str:
    """An id that sorts by time."""
    return f"{prefix}_{int(time.time() * 1000):012x}{secrets.token_hex(10)}"


def text(moment: datetime) -> str:
    """RFC 3339 with milliseconds, of fixed width."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def agent(fields: dict[str, Any], organization_id: str, owner_id: str, at: datetime) -> dict[str, Any]:
    """A whole agent, JSON columns as Python values, times as aware datetimes."""
    name = fields["name"]
    given = {name: fields[name] for name in NEW_AGENT if name in fields}
    return {
        "id": new_id("agent"),
        "organization_id": organization_id,
        "slug": name.lower().replace(" ", "-"),
        "status": "active",
        "project_id": None,
        "owner_id": owner_id,
        "engine_id": None,
        "input_schema": None,
        "output_schema": None,
        "tools": [],
        "rubric_ids": [],
        "forked_from": None,
        "version": 1,
        "agent_version": 1,
        "created_at": at,
        "updated_at": at,
        **given,
    }


def agents(organization_id: str, count: int = ROWS) -> Iterator[dict[str, Any]]:
    """`count` agents of an organization, one created each second."""
    for number in range(count):
        fields = NEW_AGENT | {"name": f"Agent {number:06d} of {organization_id}"}
        yield agent(fields, organization_id, user_of(organization_id), _START + timedelta(seconds=number))


def user_of(organization_id: str) -> str:
    """The id of the organization's one user."""
    return organization_id.replace("organization", "user")


def session_of(organization_id: str) -> str:
    """The id of that user's one session."""
    return organization_id.replace("organization", "session")


def token(organization_id: str) -> str:
    """A bearer token (HS256) of the one user of `organization_id`."""
    claims = {
        "sub": user_of(organization_id),
        "sid": session_of(organization_id),
        "org": organization_id,
        "exp": int(time.time()) + 900,
    }
    head, body = (_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{head}.{body}.{_base64(hmac.digest(KEY, f'{head}.{body}'.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
