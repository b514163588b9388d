"""Rules for routes outside the API: a unique prefix, working error responses, and identifiable callers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Invalid, Problem, not_found
from ..plugins.declarations import Declarations
from ..plugins.failures import describe, place_of
from ..plugins.field_types import flaw_of_fields
from ..plugins.manifest import CORE

if TYPE_CHECKING:
    from ..http.operations import Endpoint
    from ..http.protocols import Protocol

#: Prefixes reserved for the core.
OF_THE_CORE = {"/api": CORE, "/docs": CORE, "/favicon.ico": CORE}
_PREFIX = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+")
_ANSWER = 'return the status, the headers and the body: (404, {"Content-Type": "text/plain"}, b"…")'


def protocol_flaws(owner: str, own: Declarations, taken: dict[str, str]) -> Iterator[str]:
    """Return what is wrong with the protocols of the routes; `taken` are the owners of prefixes so far, and is updated."""
    from ..http.protocols import API

    mine: dict[str, Protocol] = {}
    for resource in (resource for resource in own.routes if resource.protocol is not API):
        protocol, place = resource.protocol, place_of(type(resource))
        known = mine.setdefault(protocol.prefix, protocol)
        if known != protocol:
            yield f"has two protocols with the prefix {protocol.prefix}; give its resources the same one{place}"
        for template in resource.paths.values():
            if not f"{template}/".startswith(f"{protocol.prefix}/") or template.endswith("/"):
                advice = f"begin it with {protocol.prefix}, and end it without a slash"
                yield f"has the route {template!r} in the protocol {protocol.prefix}; {advice}{place}"
    for prefix, protocol in mine.items():
        yield from _flaws_of(owner, own, protocol, taken)
        taken.setdefault(prefix, owner)


def caller_flaws(endpoints: "Iterable[Endpoint]") -> Iterator[str]:
    """Find token operations of resources that do not identify the holder; and raw bodies with a schema."""
    from ..http.operations import Resource

    for endpoint in endpoints:
        kind, where = type(endpoint.resource), f"{endpoint.method} {endpoint.template}"
        if endpoint.by_token and kind.caller is Resource.caller:
            yield f"has {where} for the holder of a token; write {kind.__name__}.caller, which tells who that is{place_of(kind)}"
        if endpoint.protocol.raw and endpoint.body is not None:
            yield f"has {where} with a schema for its body, which is raw; leave out `body`, or write raw=False{place_of(kind)}"


def _flaws_of(owner: str, own: Declarations, protocol: "Protocol", taken: Mapping[str, str]) -> Iterator[str]:
    prefix, told = protocol.prefix, f"has the protocol {protocol.prefix}"
    if not _PREFIX.fullmatch(prefix):
        yield f'has the protocol {prefix!r}; write a prefix such as "/hooks", of letters and digits, without a slash at its end'
        return
    for other, home in taken.items():
        if f"{prefix}/".startswith(f"{other}/") or f"{other}/".startswith(f"{prefix}/"):
            whose = "the core" if home == CORE else f"the plugin {home}"
            yield f'{told}, and {whose} has {other}; write another prefix, such as "/{owner.replace("_", "-")}{prefix}"'
    flaw = None if own.bundled else flaw_of_fields(protocol)
    if flaw or (flaw := _flaw_of_errors(protocol)):
        yield f"{told}, whose {flaw}"


def _flaw_of_errors(protocol: "Protocol") -> str | None:
    """Return what is wrong with the error responses, which are tried here before any error occurs."""
    for refused in (not_found(), Invalid({"name": [Problem("required", "This field is required.")]})):
        try:
            answer = protocol.errors(refused, "tried-at-start")
        except Exception as error:  # noqa: BLE001 - any fault is reported to the plugin's author
            return f"errors fail with {describe(error, None)}{place_of(protocol.errors)}"
        if not _is_answer(answer):
            return f"errors answer {answer!r:.100}; {_ANSWER}{place_of(protocol.errors)}"
    return None


def _is_answer(answer: Any) -> bool:
    kinds = (int, Mapping, bytes)
    return isinstance(answer, tuple) and len(answer) == 3 and all(map(isinstance, answer, kinds))
