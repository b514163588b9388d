"""Requests and their exact responses, which the contract suite and the isolation matrix compare."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...error_codes import ErrorCode
from ..world import call

BASE = "/api/v1"
#: What differs from answer to answer without meaning anything.
_OF_THIS_ANSWER_ONLY = frozenset(("x-request-id",))
_NOTHING = object()


@dataclass(frozen=True)
class Exchange:
    """A request, in words, and what was answered; the names of headers are lower case."""

    asked: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON value of the answer, or None where it has none."""
        is_json = self.headers.get("content-type", "").startswith("application/json")
        return json.loads(self.content) if is_json and self.content else None

    @property
    def data(self) -> Any:
        """The envelope's data; None in an answer that is no success."""
        body = self.body
        return body.get("data") if isinstance(body, dict) else None

    @property
    def codes(self) -> dict[str, list[str]]:
        """The error codes by field; empty in an answer that refuses nothing."""
        body = self.body
        errors = body.get("errors", {}) if isinstance(body, dict) else {}
        return {name: [problem["code"] for problem in problems] for name, problems in errors.items()}

    @property
    def succeeded(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.asked} answered {self.status} {self.content[:400].decode(errors='replace')}".rstrip()


def ask(
    wsgi: Any,
    method: str,
    path: str,
    token: str | None = None,
    *,
    body: Any = _NOTHING,
    raw: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    base: str = BASE,
) -> Exchange:
    """Send one request to `path`, which may have a query, below `base`; `body` is sent as JSON, `raw` as it is."""
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    content = raw if raw is not None else b"" if body is _NOTHING else json.dumps(body).encode()
    if content and "Content-Type" not in sent:
        sent["Content-Type"] = "application/json"
    where, _, query = path.partition("?")
    answer = call(wsgi, method, base + where, query, sent, content)
    return Exchange(
        f"{method} {path}", answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.content
    )


def joined(path: str, query: str) -> str:
    """The path with this at the end of its query."""
    return f"{path}{'&' if '?' in path else '?'}{query}"


def with_time(declared: Any, question: str, since: str = "1970-01-01T00:00:00Z") -> str:
    """The question of one parameter to a list, with the beginning of a time where the `ListQuery` asks for one."""
    return f"{question}&{declared.since}={since}" if question.partition("=")[0] in declared.timed else question


def difference(one: Exchange, other: Exchange) -> str | None:
    """How two answers differ, to the byte but for the request id; None where they do not."""
    if one.status != other.status:
        return f"the status is {one.status} and {other.status}"
    if one.content != other.content:
        return f"the body is {one.content[:200]!r} and {other.content[:200]!r}"
    ours, theirs = _comparable(one), _comparable(other)
    names = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
    return f"the header {names[0]} is {ours.get(names[0])!r} and {theirs.get(names[0])!r}" if names else None


def _comparable(exchange: Exchange) -> dict[str, str]:
    return {name: value for name, value in exchange.headers.items() if name not in _OF_THIS_ANSWER_ONLY}


def envelope_flaw(exchange: Exchange, error_codes: Mapping[str, ErrorCode]) -> str | None:
    """What is wrong with the form of the answer, whatever it says; None where it is the envelope to the letter.

    `error_codes` are those that the app has, by name.
    """
    body = exchange.body
    if not isinstance(body, dict):
        return "it is not a JSON object with the content type application/json"
    if exchange.succeeded:
        return _shape_flaw(body, {"success", "data", "message"}, success=True)
    flaw = _shape_flaw(body, {"success", "message", "errors"}, success=False)
    return flaw or _errors_flaw(body["errors"], exchange.status, error_codes)


def _shape_flaw(body: Mapping[str, Any], keys: set[str], *, success: bool) -> str | None:
    if set(body) != keys:
        return f"it has the keys {sorted(body)} instead of {sorted(keys)}"
    if body["success"] is not success:
        return f"success is {body['success']!r}"
    return None if isinstance(body["message"], str) and body["message"] else "message is no sentence"


def _errors_flaw(errors: Any, status: int, error_codes: Mapping[str, ErrorCode]) -> str | None:
    if not isinstance(errors, dict) or not errors or not all(errors.values()):
        return "errors is not an object of lists with at least one problem"
    for field, problems in errors.items():
        for problem in problems:
            if not {"code", "message"} <= set(problem) <= {"code", "message", "meta"}:
                return f"a problem of {field} has the keys {sorted(problem)}"
            code = error_codes.get(problem["code"])
            if code is None:
                return f"the code {problem['code']} of {field} is not declared; return it from the hook error_codes"
            if code.status != status:
                return f"the code {code} of {field} belongs to {code.status}"
    return None
