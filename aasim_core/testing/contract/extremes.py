"""The part of the contract suite about the first and the last of the times that an operation takes."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from ...http.operations import Endpoint
from ...lists.query import ListQuery
from ...schemas.containers import Object
from ...schemas.formats import Date, Instant, Timezone
from ..reporting import demand_none
from .exchanges import joined
from .stage import Stage
from .terms import for_each, has_body

_ENDS: Mapping[type, tuple[str, str]] = {
    Instant: ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
    Date: ("0001-01-01", "9999-12-31"),
}
#: Of the last hours behind UTC and the first ahead of it.
_ZONES = ("Pacific/Pago_Pago", "Pacific/Kiritimati")


def _takes_times(endpoint: Endpoint) -> bool:
    return any(True for _ in _with_extremes(_parameters(endpoint), {})) or any(
        True for _ in _with_extremes(_fields(endpoint), {})
    )


class ExtremeContract:
    """What every operation does with times at both ends."""

    @for_each(_takes_times)
    def test_the_first_and_the_last_times_are_no_error_of_the_server(self, stage: Stage, endpoint: Endpoint) -> None:
        """An answer below 500 for each time, in time zones at both ends."""
        person = (
            stage.world.organization()
        )  # so that the rows that come of it, perhaps hundreds, are in no list of the other tests
        path, content = stage.address(endpoint, person), stage.content(endpoint, person)
        asked = [(joined(path, urlencode(query)), content) for query in _with_extremes(_parameters(endpoint), {})]
        asked += [(path, {"body": body}) for body in _with_extremes(_fields(endpoint), content.get("body", {}))]
        exchanges = [stage.ask(endpoint.method, where, person, **what) for where, what in asked]
        demand_none([f"{exchange}\nit must answer below 500" for exchange in exchanges if exchange.status >= 500])


def _parameters(endpoint: Endpoint) -> Mapping[str, Any]:
    """The query parameters, without the filters of lists, with which nothing is calculated."""
    query: Any = endpoint.query
    known = getattr(query, "parameters", None) or getattr(query, "load_fields", {})
    return {name: field for name, field in known.items() if not isinstance(query, ListQuery) or name not in query.filters}


def _fields(endpoint: Endpoint) -> Mapping[str, Any]:
    body: Any = endpoint.operation.body
    return body.load_fields if has_body(endpoint) else {}


def _with_extremes(fields: Mapping[str, Any], valid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The valid values with each time at both ends, and all of them, in each zone if they are of one; the same within objects."""
    times = {name: _ENDS[type(field)] for name, field in fields.items() if type(field) in _ENDS}
    zones = [{name: zone} for name, field in fields.items() if isinstance(field, Timezone) for zone in _ZONES] or [{}]
    for zone in zones if times else ():
        for end in (0, 1):
            yield from ({**valid, **zone, name: ends[end]} for name, ends in times.items())
            yield {**valid, **zone, **{name: ends[end] for name, ends in times.items()}}
    for name, field in fields.items():
        if isinstance(field, Object):
            held = valid.get(name)
            within = held if isinstance(held, Mapping) else {}
            yield from ({**valid, name: changed} for changed in _with_extremes(field.schema.load_fields, within))
