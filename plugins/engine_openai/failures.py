"""From whatever went wrong between us and a server to an `EngineError`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2
import httpx2
import openai

from aasim_core.outbound.egress import NotAllowed

from ..engines.hookspecs import EngineError
from .patience import DeadlinePassed, TooLarge

_NETWORK = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, httpx2.TransportError)
_OVERFLOW = re.compile(r"context[ _](length|size|window)|maximum context|too many tokens in the prompt", re.IGNORECASE)
_NO_CREDIT = ("insufficient_quota", "billing_hard_limit_reached")
_FILTERED = ("content_filter", "content_policy_violation")
_MOST_CHARACTERS = 300


class Cut(Exception):
    """The stream ended before the model said that it had finished."""


@contextmanager
def engine_errors(peer: str) -> Iterator[None]:
    """Turn the failures of a call to `peer` into `EngineError`; whatever else is raised, `Cancelled` first of all, passes."""
    try:
        yield
    except (DeadlinePassed, TooLarge, Cut, NotAllowed, openai.OpenAIError, *_NETWORK) as error:
        raise _translated(error, peer) from error
    except (ValueError, AttributeError, TypeError) as error:  # not JSON, not UTF-8, or JSON of another shape
        raise EngineError("unavailable", f"{peer} sent something that is not the OpenAI protocol") from error


def _translated(error: Exception, peer: str) -> EngineError:
    if isinstance(error, NotAllowed):
        where = "the operator can allow it in engine_openai.allowed_networks"
        return EngineError("invalid_request", f"engines may not be at {error.host}; {where}")
    if isinstance(error, DeadlinePassed):
        return EngineError("timeout", f"{peer} did not finish in the time that the call may take")
    if isinstance(error, TooLarge):
        return EngineError("unavailable", f"{peer} sent more than a reply may weigh", retryable=False)
    if isinstance(error, Cut):
        return EngineError("unavailable", f"{peer} stopped in the middle of its reply")
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
        return _answered(error, peer)
    return EngineError("unavailable", f"{peer} cannot be reached, or broke the connection")


def _answered(error: openai.APIError, peer: str) -> EngineError:
    status = _status_of(error)
    marks = f"{error.code} {error.type}"
    said = f"{peer} answered {status}: {_text_of(error)}"
    if _OVERFLOW.search(f"{marks} {said}") and status in (400, 413, 422, 500):
        return EngineError("context_overflow", said)
    if any(mark in marks for mark in _FILTERED):
        return EngineError("refused", said)
    if status == 402 or any(mark in marks for mark in _NO_CREDIT):
        return EngineError("rate_limited", f"the account at {peer} has no credit left", retryable=False)
    return _by_status(error, status, peer, said)


def _by_status(error: openai.APIError, status: int, peer: str, said: str) -> EngineError:
    if status in (401, 403):
        return EngineError("auth", f"{peer} does not accept the API key, or the key may not use this model")
    if status == 429:
        return EngineError("rate_limited", said, retry_after=_retry_after(error))
    if status in (408, 504):
        return EngineError("timeout", said, retry_after=_retry_after(error))
    if status >= 500 or status in (409, 425):
        return EngineError("unavailable", said, retry_after=_retry_after(error))
    return EngineError("invalid_request", said)


def _status_of(error: openai.APIError) -> int:
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    # An error inside a stream that had begun well: some servers put the status into `code`.
    return int(error.code) if error.code and error.code.isascii() and error.code.isdigit() else 500


def _text_of(error: openai.APIError) -> str:
    body = error.body
    text = body.get("message") if isinstance(body, dict) else body
    return " ".join(str(text or error.message).split())[:_MOST_CHARACTERS]


def _retry_after(error: openai.APIError) -> float | None:
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        return _seconds(headers.get("retry-after", ""))
    except ValueError:
        return None


def _seconds(value: str) -> float | None:
    """RFC 9110, 10.2.3: whole seconds, or a date."""
    if not value:
        return None
    if value.replace(".", "", 1).isdigit():
        return float(value)
    return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
