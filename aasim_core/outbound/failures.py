"""Names for the failures of a guarded client's request."""

import ssl
from collections.abc import Iterable, Mapping


def code_of(error: Exception) -> str | None:
    """Return the failure's name; None for a bug of ours, and for a call that was stopped.

    ``not_allowed``, ``unreachable``, ``tls_failed`` and ``invalid_request`` occur before anything is sent, except for a body that does not
    match its headers.
    """
    import h11
    import httpx2

    from .deadlines import DeadlinePassed, TooLarge
    from .egress import NotAllowed

    names: Mapping[str, tuple[type[Exception], ...]] = {
        "not_allowed": (NotAllowed,),
        "too_large": (TooLarge,),
        "timeout": (DeadlinePassed,),
        "unreachable": (httpx2.ConnectError, httpx2.ConnectTimeout),
        "invalid_request": (httpx2.UnsupportedProtocol, httpx2.InvalidURL, httpx2.LocalProtocolError, h11.LocalProtocolError),
        "invalid_answer": (httpx2.RemoteProtocolError, httpx2.DecodingError),
        "connection_lost": (httpx2.HTTPError,),
    }
    if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        return "tls_failed"
    if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
        return "timeout"
    return next((name for name, kinds in names.items() if isinstance(error, kinds)), None)


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
