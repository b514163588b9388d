"""Nodes that send an HTTP request, through egress, with a bounded response."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from aasim_core.outbound.bodies import JSON, body_of, kind_of
from aasim_core.outbound.failures import code_of
from aasim_core.text.json import to_json
from aasim_core.user_code.values import LONGEST_FILLED

from ...executions.hookspecs import Effect, ToolUse
from ..hookspecs import NodeFailed, NodeType, Used
from ..settings import settings_of

if TYPE_CHECKING:
    import httpx2

    from aasim_core.app import App

#: The field that names the connected app whose credentials a request is sent with, and the plugin that has these.
_APP, _APPS = "connected_app_id", "connected_apps"
_READING = ("GET", "HEAD", "OPTIONS")
_REPEATABLE = (*_READING, "PUT", "DELETE")
_METHODS = (*_REPEATABLE, "POST", "PATCH")
#: What may come of an answer: its body, and headers.
_MOST_BYTES = LONGEST_FILLED + 64 * 1024
#: What the message of an error begins with that an answer is, before its status.
ANSWERED = "The answer is"
#: Maximum length of an unexpected response in an error.
_MOST_TOLD = 300
_FORM = "application/x-www-form-urlencoded"
#: Headers that the platform writes, that would make a request two, or that hold credentials, which are for connected apps to send.
_FORBIDDEN = (
    "accept-encoding|authorization|connection|content-length|cookie|expect|host|idempotency-key|proxy-authorization|te|trailer|"
    "transfer-encoding|upgrade"
)
_VALUE = {"type": ["string", "number", "boolean"]}
_CONFIG = {
    "type": "object",
    "properties": {
        "method": {"enum": list(_METHODS)},
        "url": {
            "type": "string",
            "maxLength": 4096,
            "pattern": "^(?i:https?)://[^\\s/?#@]+([/?#]|$)",
            "description": "an address, such as https://shop.example/orders, without user and password",
        },
        "query": {
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "maxItems": 100, "items": _VALUE}]},
        },
        "headers": {
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {
                "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$",
                "not": {"pattern": f"^(?i:{_FORBIDDEN})$"},
                "description": "names of headers that the platform does not write itself; credentials are for connected apps to send",
            },
            "additionalProperties": {
                "type": "string",
                "maxLength": 8192,
                "pattern": "^[ -~]*$",
                "description": "the value of the header in printable ASCII",
            },
        },
        "body": {},
        "connected_app_id": {
            "type": "string",
            "pattern": "^capp_[0-9A-Za-z_]+$",
            "maxLength": 200,
            "description": "an id that begins with capp_",
        },
        "expect": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "integer", "minimum": 200, "maximum": 599}},
    },
    "required": ["url"],
    "additionalProperties": False,
}
#: What is said of a request that had no answer, and what its failure is called.
_FAILURES = {
    "not_allowed": ("not_allowed", "Nodes may not reach {host}; the operator can allow it in workflows.allowed_networks."),
    "unreachable": ("connection_failed", "{host} cannot be reached."),
    "tls_failed": ("connection_failed", "There is no secure connection to {host}: its certificate, or its TLS, is not good."),
    "connection_lost": ("connection_failed", "The connection to {host} was lost."),
    "invalid_answer": ("connection_failed", "What {host} answered is not HTTP as it should be."),
    "invalid_request": ("invalid_request", "No request can be made of this URL and these headers."),
    "timeout": ("timeout", "{host} did not answer in time."),
    "too_large": ("output_too_large", f"What {{host}} answered is larger than {LONGEST_FILLED // 1024} KiB."),
}


def http(app: "App") -> NodeType:
    """The type of these nodes."""
    return NodeType(
        "http",
        "Send an HTTP request.",
        _CONFIG,
        call=partial(_call, app),
        effect=_effect,
        is_idempotent=_is_idempotent,
        uses=_used,
        constants=("connected_app_id",),
    )


def _used(app: "App", config: Mapping[str, Any]) -> Used | None:
    if _APP not in config:
        return None
    if not app.plugins.is_on(_APPS):
        return Used(_APP, "", flaws=[(_APP, "invalid_reference", "The plugin connected_apps is off, so there are no apps here.")])
    from .. import with_connected_apps

    return with_connected_apps.used(app, config[_APP], _method(config), config["url"])


def _method(config: Mapping[str, Any]) -> str:
    return str(config.get("method", "GET"))


def _effect(config: Mapping[str, Any]) -> Effect:
    return "read" if _method(config) in _READING else "delete" if _method(config) == "DELETE" else "write"


def _is_idempotent(config: Mapping[str, Any]) -> bool:
    return _method(config) in _REPEATABLE


def _call(app: "App", use: ToolUse) -> dict[str, Any]:
    """The status, headers and body of an answer that was expected; raises NodeFailed. Without an answer the effect is unknown."""
    use = replace(use, seconds_left=min(use.seconds_left, settings_of(app).http_seconds))
    answer = _sent(app, use) if _APP not in use.arguments else _signed(app, use)
    return _expected(answer, use.arguments.get("expect"))


def _signed(app: "App", use: ToolUse) -> dict[str, Any]:
    """The answer to a request with the credentials of a connected app."""
    if not app.plugins.is_on(_APPS):
        raise NodeFailed("not_allowed", "The plugin connected_apps is off, so there are no apps here.")
    from .. import with_connected_apps

    headers, content = _headers_and_content(use)
    query = {name: _texts(value) for name, value in use.arguments.get("query", {}).items()}
    return with_connected_apps.send(app, use, _method(use.arguments), headers, query, content)


def _sent(app: "App", use: ToolUse) -> dict[str, Any]:
    """The answer to a request without credentials."""
    from aasim_core.outbound.client import guarded_client
    from aasim_core.outbound.deadlines import Patience, Stopped
    from aasim_core.outbound.egress import Egress

    patience = Patience(_MOST_BYTES)
    patience.begin(use.seconds_left, use.should_cancel)
    try:
        with guarded_client(Egress(settings_of(app).allowed_networks), patience) as client:
            return _answer(client, use)
    except NodeFailed:
        raise
    except Stopped as stopped:
        raise NodeFailed("cancelled", "The request was asked to end.", unknown=stopped.sent) from stopped
    except Exception as error:
        if (name := code_of(error)) is None:
            raise
        code, message = _FAILURES[name]
        raise NodeFailed(code, message.format(host=_host_of(use.arguments["url"])), unknown=patience.sent) from error


def _answer(client: "httpx2.Client", use: ToolUse) -> dict[str, Any]:
    """What came; NodeFailed where that is too large: that it was done is known then."""
    from aasim_core.outbound.deadlines import TooLarge

    response = client.send(_request(client, use), stream=True)
    try:
        content = response.read()
    except TooLarge as error:
        raise NodeFailed("output_too_large", f"The body of the answer is larger than {LONGEST_FILLED // 1024} KiB.") from error
    body = body_of(response.headers.get("content-type", ""), content)
    return {"status": response.status_code, "headers": dict(response.headers), "body": body}


def _request(client: "httpx2.Client", use: ToolUse) -> "httpx2.Request":
    config = use.arguments
    headers, content = _headers_and_content(use)
    request = client.build_request(_method(config), config["url"], headers=headers, content=content)
    if query := config.get("query"):
        request.url = request.url.copy_merge_params({name: _texts(value) for name, value in query.items()})
    return request


def _headers_and_content(use: ToolUse) -> tuple[dict[str, str], bytes | None]:
    config = use.arguments
    headers = {name.lower(): value for name, value in config.get("headers", {}).items()}
    if _effect(config) != "read":
        headers["idempotency-key"] = use.idempotency_key
    if (body := config.get("body")) is None:
        return headers, None
    headers.setdefault("content-type", "text/plain; charset=utf-8" if isinstance(body, str) else JSON)
    return headers, _content(body, headers["content-type"])


def _texts(value: Any) -> Any:
    return [_text(each) for each in value] if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _content(body: Any, content_type: str) -> bytes:
    """A text as it is, an object as a form where it is to be one, and else JSON."""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, Mapping) and kind_of(content_type) == _FORM:
        return urlencode({name: _texts(value) for name, value in body.items()}, doseq=True).encode()
    return to_json(body)


def _expected(answer: dict[str, Any], expect: Any) -> dict[str, Any]:
    status, body = answer["status"], answer["body"]
    if status in expect if expect else 200 <= status < 300:
        return answer
    code = "http_429" if status == 429 else f"http_{status // 100}xx" if status >= 400 else "unexpected_status"
    said = "a redirect, which is not followed" if 300 <= status < 400 else "" if body is None else _text(body)[:_MOST_TOLD]
    raise NodeFailed(code, f"{ANSWERED} {status}: {said}" if said else f"{ANSWERED} {status}.")


def _host_of(url: str) -> str:
    """The host, for people; of what is no URL, that."""
    with suppress(ValueError):
        return urlsplit(url).hostname or url
    return url
