"""The part of the contract suite about routes outside the API: they refuse like the API, in the form of their own protocol."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from ...errors import not_found
from ...http.operations import Endpoint
from ...http.rate_counters import MemoryWindows
from ...http.rate_limits import Limiter
from ..reporting import demand, demand_none
from .exchanges import Exchange, difference
from .refusals import MALFORMED
from .stage import Stage, name_of
from .terms import any_operation, for_each_beside, has_ids, needs_caller, writes

#: Answers are compared to the byte, and may have the id of their request.
_SAME_ID = {"X-Request-Id": "tried-by-the-contract"}
_BYTES = (
    b"",
    b"\x00\xff",
    b'{"a": ',
    b"[" * 10_000,
    b'{"a": "\\ud800"}',
    b"1e999",
    "\u00e4".encode("latin-1"),
    b"a=%ff&a=%00&b[",
)
_ODD = ({"Idempotency-Key": "\xe4"}, {"If-Match": "\xff"}, {"Authorization": "Bearer \xe4"}, {"X-Organization-Id": "\xe4"})


def _is_of_an_organization(endpoint: Endpoint) -> bool:
    return endpoint.needs_caller or endpoint.by_token


def _is_counted(endpoint: Endpoint) -> bool:
    return not endpoint.operation.unlimited


def _takes_some_types(endpoint: Endpoint) -> bool:
    return endpoint.writes and "*/*" not in endpoint.protocol.media_types


class ProtocolContract:
    """What routes of other protocols than the API's refuse, and how."""

    plugin: ClassVar[str]

    @for_each_beside(any_operation)
    def test_beside_the_api_another_path_or_method_is_refused(self, stage: Stage, route: Endpoint) -> None:
        """404 and 405, the latter with ``Allow``."""
        path = stage.path(route, stage.owner)
        nowhere = stage.ask_beside(route, f"{path}/no/such/route")
        other = stage.ask_beside(replace(route, method="TRACE"), path)
        demand_none([*_flaws(route, nowhere, 404), *_flaws(route, other, 405)])
        demand(route.method in other.headers.get("allow", ""), f"{other}\nits header Allow must name {route.method}")

    @for_each_beside(needs_caller)
    def test_beside_the_api_a_caller_without_a_credential_is_refused(self, stage: Stage, route: Endpoint) -> None:
        """401."""
        exchange = stage.ask(route.method, stage.path(route, stage.owner), base="", **_body(route))
        demand_none(_flaws(route, exchange, 401))

    @for_each_beside(has_ids)
    def test_beside_the_api_what_a_path_names_in_vain_is_like_nothing(self, stage: Stage, route: Endpoint) -> None:
        """The same 404, to the byte, for what nobody has and for what has no form at all."""
        own = stage.ids(route, stage.owner)
        for name in route.path_ids:
            tried = [own | {name: value} for value in (f"{own[name]}9", *MALFORMED)]
            first, *others = [_ask(stage, route, stage.filled(route.template, ids)) for ids in tried]
            demand_none(_flaws(route, first, 404))
            demand_none([f"{other}\ndiffers from {first}: {flaw}" for other in others if (flaw := difference(other, first))])

    @for_each_beside(writes)
    def test_beside_the_api_a_body_that_is_too_long_or_in_chunks_is_refused(self, stage: Stage, route: Endpoint) -> None:
        """413 and 411."""
        path, http = stage.path(route, stage.owner), stage.app.settings.http
        most = route.protocol.max_body_bytes or max(http.max_body_bytes, http.max_import_bytes)
        long = _ask(stage, route, path, raw=b"a" * (most + 1))
        chunked = _ask(stage, route, path, {"Transfer-Encoding": "chunked"}, raw=b"z\r\nnonsense")
        demand_none([*_flaws(route, long, 413), *_flaws(route, chunked, 411)])

    @for_each_beside(_takes_some_types)
    def test_beside_the_api_a_body_of_another_type_is_refused(self, stage: Stage, route: Endpoint) -> None:
        """415."""
        exchange = _ask(stage, route, stage.path(route, stage.owner), {"Content-Type": "no/such-type"}, raw=b"{}")
        demand_none(_flaws(route, exchange, 415))

    @for_each_beside(any_operation)
    def test_beside_the_api_no_bytes_make_an_error_of_the_server(self, stage: Stage, route: Endpoint) -> None:
        """Whatever is sent, and a refusal of it has the form of the protocol."""
        path, types = stage.path(route, stage.owner), route.protocol.media_types
        tried: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = [(path, odd, _body(route)) for odd in _ODD]
        tried += [(f"{path}?{query}", {}, _body(route)) for query in ("%ff=%00", "a[=1&a[=2", "=")]
        if route.writes:
            tried += [(path, {"Content-Type": kind.replace("*", "x")}, {"raw": raw}) for kind in types for raw in _BYTES]
        demand_none([flaw for path, headers, body in tried for flaw in _flaws(route, _ask(stage, route, path, headers, **body))])

    @for_each_beside(_is_of_an_organization)
    def test_beside_the_api_an_organization_can_do_without_it(self, stage: Stage, route: Endpoint) -> None:
        """404 where the plugin is switched off for the organization, to its own callers, and not where it is on."""
        person = stage.world.organization()
        path = stage.path(route, person)
        stage.switch(person, self.plugin, enabled=False)
        off = stage.ask_beside(route, path, person, **_body(route))
        stage.switch(person, self.plugin, enabled=True)
        on = stage.ask_beside(route, path, person, **_body(route))
        demand_none(_flaws(route, off, 404))
        demand(on.status != 404, f"{on}\nwhere {self.plugin} is on; say in `objects` what the fields of {name_of(route)} are")

    @for_each_beside(any_operation)
    def test_beside_the_api_turned_off_it_is_gone(self, stage: Stage, stage_without: Stage, route: Endpoint) -> None:
        """404, as if it had never been there."""
        path = stage.filled(route.template, dict.fromkeys(route.path_ids, "x"))
        exchange = stage_without.ask(route.method, path, stage.owner, base="", **_body(route))
        demand(exchange.codes == {"_": ["route_not_found"]}, f"{exchange}\nwhile {self.plugin} is off")

    @for_each_beside(_is_counted)
    def test_beside_the_api_requests_are_counted(self, stage: Stage, route: Endpoint) -> None:
        """429 with ``Retry-After`` to one too many."""
        path = stage.path(route, stage.owner)
        with _one_a_minute(stage):
            *_, last = [stage.ask_beside(route, path, stage.owner, **_body(route)) for _ in range(2)]
        demand_none(_flaws(route, last, 429))
        demand("retry-after" in last.headers, f"{last}\nlacks Retry-After")


def _ask(stage: Stage, route: Endpoint, path: str, headers: Mapping[str, str] | None = None, **body: Any) -> Exchange:
    return stage.ask_beside(route, path, stage.owner, headers={**_SAME_ID, **(headers or {})}, **(body or _body(route)))


def _body(route: Endpoint) -> dict[str, Any]:
    """Something that is sent where it does not matter what."""
    return {"raw": b"{}"} if route.writes else {}


def _flaws(route: Endpoint, exchange: Exchange, status: int | None = None) -> list[str]:
    """What is wrong with an answer, which must have the `status`, or any but that of an error of the server."""
    if exchange.status != status if status else exchange.status >= 500:
        return [f"{exchange}\nit must {f'answer {status}' if status else 'refuse that'}"]
    own = _type_of_errors(route)
    if exchange.status >= 400 and exchange.headers.get("content-type") != own:
        return [f"{exchange}\nit must have the content type {own}, as the errors of {route.protocol.prefix} have"]
    return []


def _type_of_errors(route: Endpoint) -> str | None:
    _, headers, _ = route.protocol.errors(not_found(), None)
    return next((value for name, value in headers.items() if name.lower() == "content-type"), None)


@contextmanager
def _one_a_minute(stage: Stage) -> Iterator[None]:
    app = stage.app
    usual, section = app.limiter, app.settings.rate_limits
    limits = replace(section, enabled=True, anonymous_per_minute=1, principal_per_minute=1)
    # The minute does not end meanwhile.
    app.limiter = Limiter(replace(app.settings, rate_limits=limits), MemoryWindows(lambda: 0.0))
    try:
        yield
    finally:
        app.limiter = usual
