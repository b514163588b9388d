"""Protocols of routes: the API with its envelope, and others at their own prefixes, declared by plugins."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import falcon

from ..errors import Refused
from .envelope import failure

#: Builds the response to a refused request, from the refusal and the request's id: the status, the headers and the body.
Errors = Callable[[Refused, str | None], tuple[int, Mapping[str, str], bytes]]


@dataclass(frozen=True)
class Protocol:
    """The protocol of routes outside ``/api/v1``; all of them begin with `prefix`, such as ``/hooks``.

    `errors` builds the response to a refused request. `media_types` are those allowed for a body, in lower case; ``*/*`` is any. A `raw`
    body is in `req.body` byte for byte, to verify a signature over it; otherwise it is JSON as in the API. `max_body_bytes` limits it, None
    meaning ``http.max_body_bytes``. With `cors`, pages of the origins in ``http.cors_origins`` may call.
    """

    prefix: str
    errors: Errors
    media_types: tuple[str, ...] = ("application/json",)
    raw: bool = False
    max_body_bytes: int | None = None
    cors: bool = False


def _enveloped(refused: Refused, request_id: str | None) -> tuple[int, Mapping[str, str], bytes]:
    headers = {"Content-Type": falcon.MEDIA_JSON} | ({"WWW-Authenticate": "Bearer"} if refused.status == 401 else {})
    return refused.status, headers, failure(refused, request_id)


#: The default protocol; its routes' paths omit its prefix.
API = Protocol("/api/v1", _enveloped, cors=True)


def protocol_at(path: str, protocols: Iterable[Protocol]) -> Protocol:
    """Return the protocol that `path` belongs to, by prefix (no prefix contains another); the API's for any other path."""
    return next((one for one in protocols if f"{path}/".startswith(f"{one.prefix}/")), API)


def address_of(protocol: Protocol, template: str) -> str:
    """Return the whole path of a template of a resource with the protocol."""
    return f"{API.prefix}{template}" if protocol is API else template
