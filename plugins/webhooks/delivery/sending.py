"""Send one request to a webhook, with a deadline and through egress, and name its outcome."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from aasim_core.outbound.failures import code_of
from aasim_core.outbound.retry_after import retry_after
from aasim_core.secrets.masking import spellings, without
from aasim_core.text.json import keepable_text

if TYPE_CHECKING:
    import httpx2

    from aasim_core.outbound.persistent_client import KeptClient

#: How long a request may take, with everything.
SECONDS = 15.0
#: Maximum bytes read of a response, which arrives in pieces of 64 KiB, and stored of its body.
_MOST_BYTES, _KEPT_BYTES = 256 * 1024, 1024
_THROTTLED = frozenset((429, 502, 504))
SUCCEEDED, GONE, THROTTLED, EVENT_GONE, INTERNAL_ERROR = "succeeded", "gone", "throttled", "event_gone", "internal_error"
#: What can become of an attempt.
CODES = (
    SUCCEEDED, "refused", GONE, THROTTLED, "redirected", "not_allowed", "unreachable", "tls_failed", "timeout", "too_large",
    "connection_lost", "invalid_answer", "invalid_request", "unreadable_secret", EVENT_GONE, INTERNAL_ERROR,
)  # fmt: skip


class Stopped(Exception):
    """The request was cut short by us; whether it was taken is not known."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt went: `code` is one of `CODES`; there is a status, and the beginning of the body, where there was an answer.

    `retry_after` are the seconds for which the webhook asks to be left alone.
    """

    code: str
    http_status: int | None = None
    duration_ms: int = 0
    response_body: str = ""
    retry_after: float | None = None


def send(
    client: "KeptClient",
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Iterable[str] = (),
    should_stop: Callable[[], bool] = lambda: False,
    seconds: float = SECONDS,
) -> Outcome:
    """Post the body, follow no redirects, and return the result, without any of the `secrets`; raises only `Stopped`.

    The status decides. No more of the body is read than is stored, so that an endless one blocks nothing.
    """
    from aasim_core.outbound import deadlines as patiences

    began = time.monotonic()
    try:
        with client.stream("POST", url, content=body, headers=headers, seconds=seconds, should_stop=should_stop) as response:
            status = response.status_code
            outcome = Outcome(_code_of_status(status), status, 0, _beginning(response), retry_after(response.headers))
    except patiences.Stopped as error:
        raise Stopped from error
    except Exception as error:
        code = code_of(error)
        if code is None:
            raise
        outcome = Outcome(code)
    told = _told(outcome.response_body, secrets)
    return replace(outcome, response_body=told, duration_ms=round((time.monotonic() - began) * 1000))


def new_client(networks: Sequence[str]) -> "KeptClient":
    """A client for requests to webhooks, which may be in these private networks too."""
    from aasim_core.outbound.egress import Egress
    from aasim_core.outbound.persistent_client import KeptClient

    return KeptClient(Egress(networks), _MOST_BYTES)


def _code_of_status(status: int) -> str:
    if 200 <= status < 300:
        return SUCCEEDED
    if 300 <= status < 400:
        return "redirected"
    return GONE if status == 410 else THROTTLED if status in _THROTTLED else "refused"


def _beginning(response: "httpx2.Response") -> str:
    """Return the stored part of the body, incomplete if the rest does not arrive: the status counts."""
    from aasim_core.outbound.deadlines import Stopped

    kept = b""
    try:
        for chunk in response.iter_raw():
            kept += chunk
            if len(kept) >= _KEPT_BYTES:
                break
    except Stopped:
        raise
    except Exception as error:
        if code_of(error) is None:
            raise
    return kept[:_KEPT_BYTES].decode(errors="replace")


def _told(body: str, secrets: Iterable[str]) -> str:
    """The text without secrets that it repeats, and without what no database takes."""
    forms = sorted((form for secret in secrets for form in spellings(secret)), key=len, reverse=True)
    return keepable_text(reduce(lambda text, form: without(form, text), forms, body))[:_KEPT_BYTES]
