"""What somebody tries who knows the ids and words of another organization: filters with them, and bodies that refer to them."""

from collections.abc import Iterator, Mapping
from typing import Any

from aasim_core.http.operations import Endpoint
from aasim_core.schemas.fields import Id, ListOf
from aasim_core.testing.contract.exchanges import Exchange, with_time

from .matrix import Matrix


def told_of(exchange: Exchange) -> set[str]:
    """The ids that refused attempts were about: whoever tried has written them, and learned nothing of whether they are there."""
    items = exchange.data["items"] if exchange.succeeded else []
    return {item["subject"]["id"] for item in items if item.get("outcome") == "denied"}


def questions(declared: Any, item: Mapping[str, Any], mark: str) -> Iterator[str]:
    """Every filter with the value that the item has, which is home's, and every way to look for its canary."""
    for parameter, (field, operator, _) in declared.filters.items():
        value = item.get(field)
        if operator == "contains":
            yield f"{parameter}={mark}"
        elif isinstance(value, str | int) and not isinstance(value, bool) and operator in ("eq", "in"):
            yield with_time(declared, f"{parameter}={value}")
    if declared.search:
        yield f"q={mark}"


def references(matrix: Matrix, endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Each field that holds ids, with every kind of id of home that it may be tried with."""
    kinds = {record_id.rpartition("_")[0]: record_id for record_id in sorted(matrix.ground.ids_at_home)}
    body: Any = endpoint.operation.body
    for name, field in body.load_fields.items():
        inner = field.inner if isinstance(field, ListOf) else field
        if isinstance(inner, Id):
            yield from ((name, record_id) for kind, record_id in kinds.items() if inner.prefix in (None, kind))


def refer(endpoint: Endpoint, name: str, value: str) -> dict[str, Any]:
    """A body whose field of that name refers to the value."""
    body: Any = endpoint.operation.body
    return {name: [value] if isinstance(body.load_fields[name], ListOf) else value}
