"""Operations of an HTTP service that the app's configuration declares: one request each, and the meaning of its response."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson

from aasim_core.outbound.secret_addresses import Address

from ..connecting import EFFECTS, AppError, Call, Connection, Operation, not_allowed

if TYPE_CHECKING:
    import httpx2

#: Adds the credentials to the headers and the query of a request.
Signer = Callable[[Connection, dict[str, str], dict[str, Any]], None]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_EFFECT_OF = {"GET": "read", "DELETE": "delete"}
_REPEATABLE = ("GET", "PUT", "DELETE")
_PLACE = re.compile(r"\{([^{}]*)\}")
_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
#: Headers that the platform writes, or that would make a request two.
OURS = {"authorization", "host", "content-length", "transfer-encoding", "connection", "idempotency-key", "content-type", "te"}
#: The JSON Schema of what travels in a header as it is.
TOKEN: Mapping[str, Any] = {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": "^[!-~]+$"}

#: What is declared of a service, whatever its credentials are.
PROPERTIES: Mapping[str, Any] = {
    "base_url": {"type": "string", "maxLength": 2000, "description": "Where the service is; paths are put at its end."},
    "test_path": {"type": "string", "pattern": "^/", "maxLength": 2000, "description": "What a test reads; / if left out."},
    "headers": {
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": {"type": "string", "maxLength": 1000},
        "description": "Headers of every request; no secrets.",
    },
    "operations": {
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "object",
            "required": ["name", "method", "path"],
            "additionalProperties": False,
            "properties": {
                "name": _NAME,
                "description": {"type": "string", "maxLength": 2000},
                "method": {"enum": list(_METHODS)},
                "path": {"type": "string", "pattern": "^/", "maxLength": 2000},
                "arguments": {"type": "object", "description": "The JSON Schema of the arguments."},
                "effect": {"enum": list(EFFECTS)},
                "idempotent": {"type": "boolean"},
            },
        },
    },
}


def addresses(config: Mapping[str, Any]) -> Sequence[Address]:
    """Where the service is."""
    return [Address.of(config["base_url"])]


def url_flaw(url: str) -> str | None:
    """What is wrong with a web address, or None."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        return "Write an address, such as https://api.example.com/v1."
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "Write the address without user, password, query and fragment."
    return None


def flaws(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the declarations, beyond their schema."""
    if told := url_flaw(config["base_url"]):
        yield "base_url", told
    for name, value in config.get("headers", {}).items():
        if not _HEADER.fullmatch(name) or name.lower() in OURS or not value.isascii() or not value.isprintable():
            yield "headers", f"{name[:40]} cannot be set here; write other headers, in printable ASCII."
    for number, declared in enumerate(config.get("operations", ())):
        known = _schema_of(declared).get("properties", {})
        needed = _schema_of(declared).get("required", ())
        for place in _PLACE.findall(declared["path"]):
            if not isinstance(known, Mapping) or place not in known or place not in needed:
                yield f"operations[{number}].path", f"{{{place[:60]}}} has to be one of the required arguments."


def operations(config: Mapping[str, Any]) -> Sequence[Operation]:
    """The declared operations; what they do not say follows from their method."""
    return [
        Operation(
            name=declared["name"],
            description=declared.get("description", ""),
            parameters=_schema_of(declared),
            effect=declared.get("effect", _EFFECT_OF.get(declared["method"], "write")),
            idempotent=declared.get("idempotent", declared["method"] in _REPEATABLE),
        )
        for declared in config.get("operations", ())
    ]


def request(config: Mapping[str, Any], operation: str) -> Any:
    """What makes a call of the operation the request that it is: the service, its headers, and the declaration."""
    declared = [each for each in config.get("operations", ()) if each["name"] == operation]
    return {**config, "operations": declared, "test_path": None}


def _schema_of(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "object", "additionalProperties": False, **declared.get("arguments", {})}


def call(connection: Connection, asked: Call, sign: Signer) -> Any:
    """The body of the service's answer, as JSON where it is that, otherwise as text."""
    declared = next((each for each in connection.config.get("operations", ()) if each["name"] == asked.operation), None)
    if declared is None:
        raise AppError("not_found", f"no operation {asked.operation} is declared")
    method, rest = declared["method"], dict(asked.arguments)
    path = _PLACE.sub(lambda place: _segment(place[1], asked.arguments[place[1]]), declared["path"])
    for name in _PLACE.findall(declared["path"]):
        rest.pop(name, None)
    headers, query = {"Idempotency-Key": asked.idempotency_key} if method != "GET" else {}, dict[str, Any]()
    options: dict[str, Any] = {}
    if method in ("GET", "DELETE"):
        query = {name: _text(value) for name, value in rest.items()}
    else:
        headers["Content-Type"] = "application/json"
        options["content"] = orjson.dumps(rest)
    (is_safe,) = [each.idempotent for each in operations(connection.config) if each.name == asked.operation]
    return _value(_send(connection, (method, path), sign, headers, query, may_repeat=is_safe, **options))


def probe(connection: Connection, sign: Signer) -> None:
    """Read the test path; anything but a refusal of the credentials or a failure of the server will do."""
    try:
        _send(connection, ("GET", connection.config.get("test_path", "/")), sign, {}, {}, may_repeat=True)
    except AppError as error:
        if error.code != "refused":
            raise


def _segment(name: str, value: Any) -> str:
    """A value as one segment of a path, which leads nowhere else."""
    text = _text(value)
    if text in ("", ".", ".."):
        raise AppError("invalid_arguments", f"{name} has to be a name, and not {text or 'empty'!r}")
    return quote(text, safe="")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _send(
    connection: Connection, target: tuple[str, str], sign: Signer, headers: dict[str, str], query: dict[str, Any],
    *, may_repeat: bool, **options: Any,
) -> tuple[int, str, bytes]:  # fmt: skip
    method, path = target
    headers = {**connection.config.get("headers", {}), "Accept": "application/json", **headers}
    sign(connection, headers, query)
    where, _, fixed = path.partition("?")
    url = connection.config["base_url"].rstrip("/") + where + (f"?{fixed}" if fixed else "")
    with failures(connection, may_repeat=may_repeat), connection.client() as client:
        request = client.build_request(method, url, headers=headers, **options)
        if query:
            request.url = request.url.copy_merge_params(query)
        response = client.send(request)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        answer = response.status_code, content_type, response.content
    refuse_failed(response, may_repeat=may_repeat)
    return answer


def refuse_failed(response: "httpx2.Response", *, may_repeat: bool) -> None:
    """`AppError` for an answer that is no success."""
    status = response.status_code
    if status < 300:
        return
    told, said = f"the service answered {status}", response.content.decode(errors="replace")
    if status == 401:
        raise AppError("auth", told, said, is_final=True)
    if status == 429:
        raise AppError("rate_limited", told, said)
    if status >= 500:
        raise AppError("unavailable", told, said, unknown=not may_repeat)
    if status < 400:
        raise AppError("refused", f"{told}, a redirect, which is not followed")
    raise AppError("refused", told, said)


@contextmanager
def failures(connection: Connection, *, may_repeat: bool) -> Iterator[None]:
    """What the client raises, as an `AppError`; without a connection nothing has happened, later it may have."""
    import h11
    import httpx2

    from aasim_core.outbound.deadlines import DeadlinePassed, Stopped, TooLarge
    from aasim_core.outbound.egress import NotAllowed

    try:
        yield
    except NotAllowed as error:
        raise not_allowed(error.host) from error
    except TooLarge as error:
        raise AppError("too_large", "the service answered more than 4 MiB", unknown=not may_repeat) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise AppError("unavailable", "the service cannot be reached") from error
    except Stopped as error:
        raise AppError("cancelled", "the call was asked to end", unknown=error.sent and not may_repeat) from error
    except DeadlinePassed as error:
        raise AppError("timeout", "the service did not answer in time", unknown=error.sent and not may_repeat) from error
    except httpx2.TimeoutException as error:
        raise AppError("timeout", "the service did not answer in time", unknown=not may_repeat) from error
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError) as error:
        raise AppError("invalid_arguments", "no request can be made of these arguments") from error
    except h11.LocalProtocolError as error:  # the headers have gone out, and the body does not fit to them
        raise AppError("invalid_arguments", "no request can be made of these arguments", unknown=not may_repeat) from error
    except httpx2.HTTPError as error:
        raise AppError("unavailable", "the connection to the service was lost", unknown=not may_repeat) from error


def _value(answer: tuple[int, str, bytes]) -> Any:
    _, content_type, content = answer
    if content_type == "application/json" or content_type.endswith("+json"):
        try:
            # Unlike orjson, it accepts lone surrogates, which are replaced for all connectors alike.
            return json.loads(content) if content else None
        except (ValueError, RecursionError) as error:
            raise AppError("invalid_answer", "the service answered JSON that is none", unknown=True) from error
    return content.decode(errors="replace") if content else None
