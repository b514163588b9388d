"""The envelope of every response: ``success``, ``data`` and ``message``, or ``success``, ``message`` and ``errors``."""

from typing import Any

from ..errors import Problem, Refused
from ..text.json import to_json


def success(data: bytes, message: str) -> bytes:
    """Return the body of a response with `data`, which is JSON already."""
    return b'{"success":true,"data":' + data + b',"message":' + to_json(message) + b"}"


def failure(refused: Refused, request_id: str | None = None) -> bytes:
    """Return the body of an error response, with problems by field; for a server error it contains the request's id."""
    about = {"request_id": request_id} if refused.status >= 500 else {}
    errors = {field: [_problem(problem, about) for problem in problems] for field, problems in refused.problems.items()}
    return to_json({"success": False, "message": refused.message, "errors": errors})


def _problem(problem: Problem, about: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"code": problem.code, "message": problem.message}
    meta = {**(problem.meta or {}), **about}
    return {**told, "meta": meta} if meta else told
