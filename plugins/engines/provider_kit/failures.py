"""Translate failures of a provider's client to an `EngineError`; see `hookspecs.py`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from aasim_core.outbound.retry_after import retry_after

from ..chat import Cancelled, EngineError

_MOST_CHARACTERS = 300


class Cut(Exception):
    """The stream ended before the model said that it had finished."""


@dataclass(frozen=True)
class Service:
    """The peer of a chat in error messages.

    `peer` is its name, `protocol` the expected protocol, and `allowed_by` the setting with the permitted private networks.
    """

    peer: str
    protocol: str
    allowed_by: str

    def said(self, status: int, text: object) -> str:
        """What it answered, in one sentence."""
        return f"{self.peer} answered {status}: {' '.join(str(text).split())[:_MOST_CHARACTERS]}"


@contextmanager
def engine_errors(service: Service, family: type[Exception], answered: Callable[[Any], EngineError | None]) -> Iterator[None]:
    """Turn the failures of a call to `service` into `EngineError`, and a stop into `Cancelled`; whatever else is raised passes.

    `family` are the errors of the SDK. `answered` says what one of them means, or None where it is not about an answer.
    """
    import httpcore2
    import httpx2

    from aasim_core.outbound.deadlines import DeadlinePassed, Stopped, TooLarge
    from aasim_core.outbound.egress import NotAllowed

    network = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, httpx2.TransportError)
    try:
        yield
    except Stopped:
        raise Cancelled from None
    except NotAllowed as error:
        raise _not_allowed(service, error.host) from error
    except DeadlinePassed as error:
        raise EngineError("timeout", f"{service.peer} did not finish in the time that the call may take") from error
    except TooLarge as error:
        raise EngineError("unavailable", f"{service.peer} sent more than a reply may weigh", retryable=False) from error
    except Cut as error:
        raise EngineError("unavailable", f"{service.peer} stopped in the middle of its reply") from error
    except family as error:
        raise answered(error) or _unreachable(service) from error
    except network as error:
        raise _unreachable(service) from error
    except (ValueError, AttributeError, TypeError) as error:  # not JSON, not UTF-8, or JSON of another shape
        raise EngineError("unavailable", f"{service.peer} sent something that is not {service.protocol}") from error


@contextmanager
def not_installed(package: str, *, extra: str) -> Iterator[None]:
    """Turn the failure to import `package`, which the distribution's `extra` brings, into an `EngineError` that says so."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise EngineError("unavailable", _not_installed(package, extra), retryable=False) from error


def missing(package: str, *, extra: str) -> str | None:
    """The same in advance, as a sentence; None where the package is installed."""
    return None if find_spec(package) else f"T{_not_installed(package, extra)[1:]}."


def _not_installed(package: str, extra: str) -> str:
    return f"the package {package} is not installed here; the operator can install it: pip install 'aasim[{extra}]'"


def error_of_status(service: Service, status: int, said: str, headers: Mapping[str, str]) -> EngineError:
    """Return the meaning of an HTTP status; `said` is the sentence with the server's text."""
    if status in (401, 403):
        return EngineError("auth", f"{service.peer} does not accept the API key, or the key may not use this model")
    if status == 429:
        return EngineError("rate_limited", said, retry_after=retry_after(headers))
    if status in (408, 504):
        return EngineError("timeout", said, retry_after=retry_after(headers))
    if status >= 500 or status in (409, 425):
        return EngineError("unavailable", said, retry_after=retry_after(headers))
    return EngineError("invalid_request", said)


def no_credit(service: Service) -> EngineError:
    """The error of an account that has to be paid for first."""
    return EngineError("rate_limited", f"the account at {service.peer} has no credit left", retryable=False)


def _not_allowed(service: Service, host: str) -> EngineError:
    message = f"engines may not be at {host}; the operator can allow it in {service.allowed_by}"
    return EngineError("invalid_request", message)


def _unreachable(service: Service) -> EngineError:
    return EngineError("unavailable", f"{service.peer} cannot be reached, or broke the connection")
