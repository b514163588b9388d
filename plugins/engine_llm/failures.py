"""Translate errors of llm models; each llm plugin has its own."""

import re

import llm
from pydantic import ValidationError

from ..engines.hookspecs import EngineError, Service, error_of_status, no_credit
from .reading import Failed

_OVERFLOW = re.compile(r"context[ _](length|size|window|limit)|maximum context|too many tokens|prompt is too long", re.IGNORECASE)
#: Names of HTTP clients' errors for unanswered requests.
_UNANSWERED = {"TransportError", "APIConnectionError", "ConnectError", "RequestException", "HTTPError"}


def meant(failed: Failed, service: Service) -> EngineError | None:
    """Return the meaning of the model's error, or None if it is unknown.

    Texts of others than llm itself are not shown: they may contain the operator's key.
    """
    error = failed.error
    if isinstance(error, EngineError):
        return error
    return _of_llm(error, service) or _of_service(error, service)


def _of_llm(error: BaseException, service: Service) -> EngineError | None:
    if isinstance(error, llm.NeedsKeyException):
        return EngineError("auth", f"{service.peer} needs an API key; write the engine's api_key")
    if isinstance(error, llm.UnknownModelError):
        return EngineError("invalid_request", f"llm does not know {service.peer}; the operator sees with: llm models")
    if isinstance(error, llm.ConversationNotSupported):
        return EngineError("invalid_request", f"{service.peer} answers single questions only, and this is a conversation")
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return EngineError("invalid_request", f"{service.peer} does not take the parameter {where}: {first['msg']}")
    if isinstance(error, llm.ModelError):
        told = f"{service.peer} says: {' '.join(str(error).split())[:300]}"
        return EngineError("context_overflow" if _OVERFLOW.search(told) else "unavailable", told)
    return None


def _of_service(error: BaseException, service: Service) -> EngineError | None:
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int):
        return _answered(error, status, getattr(response, "headers", None) or {}, service)
    if isinstance(error, OSError) or any(kind.__name__ in _UNANSWERED for kind in type(error).__mro__):
        return None
    return EngineError("unavailable", f"{service.peer} failed ({type(error).__name__})")


def _answered(error: BaseException, status: int, headers: dict[str, str], service: Service) -> EngineError:
    said = f"the service of {service.peer} answered {status}"
    if status in (400, 413, 422) and _OVERFLOW.search(str(error)):
        return EngineError("context_overflow", f"{said}: the conversation is longer than the model takes")
    return no_credit(service) if status == 402 else error_of_status(service, status, said, headers)
