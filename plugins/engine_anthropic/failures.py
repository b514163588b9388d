"""Translate errors of Anthropic's SDK to engine errors."""

import re

import anthropic

from ..engines.hookspecs import EngineError, Service, error_of_status, no_credit

_OVERFLOW = re.compile(r"prompt is too long|context (window|limit|length)|request_too_large", re.IGNORECASE)
_NO_CREDIT = re.compile(r"billing_error|credit balance", re.IGNORECASE)
#: What an error inside a stream would have had as its status, had it come before the first event.
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def answered(error: anthropic.AnthropicError, service: Service) -> EngineError | None:
    """What the server answered, or None where it did not."""
    if not isinstance(error, anthropic.APIStatusError):
        return None
    status = error.status_code if error.status_code != 200 else _STATUS_OF.get(str(error.type), 500)
    said = service.said(status, error.api_message or error.message)
    if status in (400, 413) and _OVERFLOW.search(f"{error.type} {said}"):
        return EngineError("context_overflow", said)
    if status == 402 or _NO_CREDIT.search(f"{error.type} {said}"):
        return no_credit(service)
    return error_of_status(service, status, said, error.response.headers)
