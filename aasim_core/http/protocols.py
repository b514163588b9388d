"""How routes speak: those of the API with its envelope, and others, at prefixes of their own, as a plugin declares it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import falcon

from ..errors import Refused
from .envelope import failure

#: What makes the answer to a refused request, of the refusal and the request's id: the status, the headers and the body.
Errors = Callable[[Refused, str | None], tuple[int, Mapping[str, str], bytes]]


@dataclass(frozen=True)
class Protocol:
    """What is otherwise about routes beside ``/api/v1``; all of them begin with `prefix`, as ``/hooks``.

    `errors` makes the answer to whatever is refused. `media_types` are those that a body may have, in lower case; ``*/*`` is any. A `raw`
    body is in `req.body` byte for byte, to verify a signature over it; without, it is JSON as in the API. It has `max_body_bytes` at
    most, of None as many as ``http.max_body_bytes`` says. With `cors`, pages of the origins in ``http.cors_origins`` may call.
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


#: The protocol of all routes that name no other one; their paths leave out its prefix.
API = Protocol("/api/v1", _enveloped, cors=True)


def protocol_at(path: str, protocols: Iterable[Protocol]) -> Protocol:
    """The one of the protocols, whose prefixes do not contain each other, that `path` belongs to; the API's for any other path."""
    return next((one for one in protocols if f"{path}/".startswith(f"{one.prefix}/")), API)


def address_of(protocol: Protocol, template: str) -> str:
    """The whole path of a template of a resource that has the protocol."""
    return f"{API.prefix}{template}" if protocol is API else template
