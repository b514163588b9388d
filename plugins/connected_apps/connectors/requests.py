"""Undeclared requests: with the methods that the app allows, below its base address only."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from aasim_core.outbound.bodies import body_of
from aasim_core.outbound.secret_addresses import Address

from ..connecting import AppError, Connection, HttpAnswer, HttpRequest, Requests
from .rest import Signer, failures

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
#: The property of a configuration that allows them.
PROPERTY: Mapping[str, Any] = {
    "type": "array",
    "maxItems": len(_METHODS),
    "uniqueItems": True,
    "items": {"enum": list(_METHODS)},
    "description": "Methods of requests that workflows may make below base_url besides the operations; none if left out.",
}
#: Headers by which some services take another method or path than that of the request.
_MISLEADING = re.compile(r"x-(http-)?method(-override)?|x-http-method-override|x-(original|rewrite)-(url|uri)", re.IGNORECASE)


def requests(sign: Signer) -> Requests:
    """How they are made with credentials that `sign` adds."""
    return Requests(partial(_send, sign), _why_not)


def _why_not(config: Mapping[str, Any], method: str, url: str) -> tuple[str, str] | None:
    allowed = config.get("other_requests", ())
    if not allowed:
        message = "This app takes only its operations; its editors can allow other requests in other_requests of its config."
        return "connected_app_id", message
    if method not in allowed:
        return "method", f"This app takes {', '.join(allowed)} besides its operations; write one of these."
    if not _is_below(config["base_url"], url):
        base = config["base_url"].rstrip("/")
        return "url", f"With this app, requests go below {base}; write {base}/ at the beginning, and no .., // or %2F after it."
    return None


def _is_below(base: str, url: str) -> bool:
    """Whether the URL leads to the same host, and there to the path of the base or to one below it, by every parser's reading."""
    if not url.isascii() or not url.isprintable() or {" ", "\\", "#"} & set(url):
        return False
    try:
        own, wanted = urlsplit(base), urlsplit(url)
        is_there = (own.scheme.lower(), Address.of(base)) == (wanted.scheme.lower(), Address.of(url))
    except ValueError:
        return False
    return is_there and "@" not in wanted.netloc and _stays(own, wanted)


def _stays(own: SplitResult, wanted: SplitResult) -> bool:
    root, path = own.path.rstrip("/"), wanted.path
    if path in ("", root):
        return path == root
    if not path.startswith(f"{root}/"):
        return False
    *folders, last = path.removeprefix(f"{root}/").split("/")
    return all(map(_is_name, folders)) and (not last or _is_name(last))


def _is_name(segment: str) -> bool:
    """Whether a segment of a path is a name for every server: also for those that decode it, twice, or leave out what follows a ``;``."""
    plain = segment
    while (decoded := unquote(plain, errors="replace")) != plain:
        plain = decoded
    return plain.partition(";")[0] not in ("", ".", "..") and plain.isprintable() and not {"/", "\\"} & set(plain)


def _send(sign: Signer, connection: Connection, wanted: HttpRequest) -> HttpAnswer:
    """What the service answers; what the app's configuration and its credentials say goes before what the request says."""
    own: dict[str, str] = dict(connection.config.get("headers", {}))
    secret: dict[str, Any] = {}
    sign(connection, own, secret)
    if found := next(filter(_MISLEADING.fullmatch, wanted.headers), None):
        raise AppError("invalid_arguments", f"the header {found} does not go out with the credentials of an app")
    with failures(connection, may_repeat=wanted.may_repeat), connection.client() as client:
        request = client.build_request(wanted.method, wanted.url, headers=dict(wanted.headers), content=wanted.content)
        request.headers.update(own)
        request.url = request.url.copy_merge_params({**wanted.query, **secret})
        if not _is_below(connection.config["base_url"], str(request.url)):
            raise AppError("invalid_arguments", "the request would go elsewhere than below the address of the app")
        response = client.send(request)
        content_type = response.headers.get("Content-Type", "")
        answer = HttpAnswer(response.status_code, dict(response.headers), body_of(content_type, response.content))
    if answer.status == 401:
        raise AppError("auth", "the service answered 401", response.text)
    return answer
