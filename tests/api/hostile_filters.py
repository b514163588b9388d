"""Query strings to attack a list with, made from what it can be asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from marshmallow import ValidationError

from aasim_core.ids import new_id
from aasim_core.lists.query import ListQuery

_MANY, _MOST = 10_000, 100
#: What is no text in UTF-8 that can be kept, or is not encoded.
_BROKEN = ("%ff", "%00", "%c0%80", "%ed%a0%80", "%fe%ff%00a", "%", "%zz", "%u0041", "é")


def _too_many_values(query: ListQuery) -> Iterator[str]:
    listed = [key for key, (_, operator, _) in query.filters.items() if operator == "in"]
    yield from (f"{key}={','.join(['1'] * _MANY)}" for key in [*listed, "sort", "fields", "include"])


def _long_values(query: ListQuery) -> Iterator[str]:
    yield from (f"{name}={'9' * 100_000}" for name in query.parameters)


def _broken_encodings(query: ListQuery) -> Iterator[str]:
    yield from (f"{next(reversed(query.parameters))}=a{broken}" for broken in _BROKEN)


def _nested_filters(query: ListQuery) -> Iterator[str]:
    for name in {name for name, _, _ in query.filters.values()}:
        yield from (f"{name}[in][in]=1", f"{name}{'[in' * _MANY}{']' * _MANY}=1", f"{name}[0][1]=1", f"filter[{name}][in]=1")


def _unknown_filters(query: ListQuery) -> Iterator[str]:
    yield "&".join(f"{name}{number}=1" for name in query.parameters for number in range(_MANY // 20))


def _repeated_filters(query: ListQuery) -> Iterator[str]:
    yield "&".join(["limit=1"] * _MANY)


def _all_filters(query: ListQuery) -> Iterator[str]:
    yield _joined({**{key: _values(field, 1) for key, (_, _, field) in query.filters.items()}, "include": ["total"]})


def _most_values(query: ListQuery) -> Iterator[str]:
    asked = {key: _values(field.inner, _MOST) for key, (_, way, field) in query.filters.items() if way == "in"}  # type: ignore[attr-defined]
    since = {query.since: ["1970-01-01T00:00:00Z"]} if query.timed else {}
    yield _joined({**asked, **since, "include": ["total"]})


def _wildcards(query: ListQuery) -> Iterator[str]:
    searched = [name for name in query.parameters if name == "q" or name.endswith("[contains]")]
    yield from (_joined({name: [pattern * 100]}) for name in searched for pattern in ("%_", "!%", "\\%", "%a"))


#: What is refused before the list is read.
REFUSED: Mapping[str, Callable[[ListQuery], Iterator[str]]] = {
    "too many values": _too_many_values, "long values": _long_values, "broken encodings": _broken_encodings,
    "nested filters": _nested_filters, "unknown filters": _unknown_filters, "repeated filters": _repeated_filters,
}  # fmt: skip
#: What is answered.
ANSWERED: Mapping[str, Callable[[ListQuery], Iterator[str]]] = {
    "all filters": _all_filters, "as many values as there may be": _most_values, "wildcards": _wildcards,
}  # fmt: skip


def _joined(asked: Mapping[str, Sequence[str]]) -> str:
    return "&".join(f"{key}={quote(','.join(values), safe=',')}" for key, values in asked.items() if values)


def _values(field: Any, most: int) -> list[str]:
    """As many values as the filter takes, up to `most`."""
    pool = [*field.metadata.get("enum", ()), *(each for number in range(most) for each in _guesses(number))]
    return [text for text in dict.fromkeys(pool) if _is_taken(field, text)][:most]


def _guesses(number: int) -> Iterator[str]:
    yield from (f"v{number}", f"agents.v{number}", f"key:{number}", str(number + 1), f"v{number}@example.org", new_id("user"))
    yield from (f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z", "true")


def _is_taken(field: Any, text: str) -> bool:
    try:
        field.deserialize(field.read_text(text))
    except ValidationError:
        return False
    return True
