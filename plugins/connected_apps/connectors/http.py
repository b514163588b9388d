"""The connector for any HTTP service with an API key, a bearer token, or a user name and password."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from ..connecting import AuthType, Call, Connection, Connector
from . import requests, rest

_TEXT = {"type": "string", "minLength": 1, "maxLength": 4096}
# Some services want the bare key in Authorization, which nothing else fills where an API key is sent.
_NOT_FOR_KEYS = rest.OURS - {"authorization"}

_USER = {**_TEXT, "writeOnly": False}
_FORMS = {"username": _USER, "password": _TEXT}


def _schema(*names: str) -> Mapping[str, Any]:
    return {
        "type": "object",
        "required": list(names),
        "additionalProperties": False,
        "properties": {name: _FORMS.get(name, rest.TOKEN) for name in names},
    }


_CONFIG: Mapping[str, Any] = {
    "type": "object",
    "required": ["base_url"],
    "additionalProperties": False,
    "properties": {
        **rest.PROPERTIES,
        "other_requests": requests.PROPERTY,
        "api_key": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"in": {"enum": ["header", "query"]}, "name": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,100}$"}},
            "description": "Where the API key goes; the header X-API-Key if left out.",
        },
    },
}


def connector() -> Connector:
    """The connector `http`."""
    return Connector(
        name="http",
        title="HTTP service",
        credentials={"api_key": _schema("api_key"), "bearer": _schema("token"), "basic": _schema("username", "password")},
        config=_CONFIG,
        addresses=rest.addresses,
        call=_call,
        probe=lambda connection: rest.probe(connection, _sign),
        flaws=_flaws,
        operations=rest.operations,
        request=rest.request,
        requests=requests.requests(_sign),
    )


def _call(connection: Connection, asked: Call) -> Any:
    return rest.call(connection, asked, _sign)


def _flaws(config: Mapping[str, Any], auth_type: AuthType) -> Iterable[tuple[str, str]]:
    yield from rest.flaws(config)
    if "api_key" in config and auth_type != "api_key":
        yield "api_key", "Leave this out: the service is not asked with an API key."
    place = config.get("api_key", {})
    if place.get("in") != "query" and place.get("name", "").lower() in _NOT_FOR_KEYS:
        yield "api_key", f"The key cannot go into the header {place['name']}; write another name."


def _sign(connection: Connection, headers: dict[str, str], query: dict[str, Any]) -> None:
    secrets = {name: secret.reveal() for name, secret in connection.credentials.items()}
    if connection.auth_type == "bearer":
        headers["Authorization"] = f"Bearer {secrets['token']}"
    elif connection.auth_type == "basic":
        pair = f"{secrets['username']}:{secrets['password']}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        place = connection.config.get("api_key", {})
        target = query if place.get("in") == "query" else headers
        target[place.get("name", "X-API-Key")] = secrets["api_key"]
