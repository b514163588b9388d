"""Translate errors of OpenAI's SDK to engine errors."""

import re

import openai

from ..engines.hookspecs import EngineError, Service, error_of_status, no_credit

_OVERFLOW = re.compile(r"context[ _](length|size|window)|maximum context|too many tokens in the prompt", re.IGNORECASE)
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")
_FILTERED = ("content_filter", "content_policy_violation")


def answered(error: openai.OpenAIError, service: Service) -> EngineError | None:
    """What the server answered, or None where it did not."""
    if not isinstance(error, openai.APIError) or isinstance(error, openai.APIConnectionError):
        return None
    status = _status_of(error)
    marks = f"{error.code} {error.type}"
    said = service.said(status, _text_of(error))
    if _OVERFLOW.search(f"{marks} {said}") and status in (400, 413, 422, 500):
        return EngineError("context_overflow", said)
    if any(mark in marks for mark in _FILTERED):
        return EngineError("refused", said)
    if status == 402 or any(mark in marks for mark in _NO_CREDIT):
        return no_credit(service)
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    return error_of_status(service, status, said, headers)


def _status_of(error: openai.APIError) -> int:
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    # An error inside a stream that had begun well: some servers put the status into `code`.
    return int(error.code) if error.code and error.code.isascii() and error.code.isdigit() else 500


def _text_of(error: openai.APIError) -> object:
    body = error.body
    return (body.get("message") if isinstance(body, dict) else body) or error.message
