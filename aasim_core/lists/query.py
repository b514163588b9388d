"""Parse query strings: unknown, repeated or malformed parameters are refused, so that a typo does not return everything."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import unquote_to_bytes

import marshmallow
import orjson
from marshmallow import ValidationError, missing

from ..errors import Problem, Refused, not_found
from ..schemas.containers import Json, ListOf
from ..schemas.json_values import shown
from ..schemas.scalars import Boolean, Choice, Integer, Patterned, Strict, Text, wrong
from ..text.suggestions import did_you_mean
from .paging import Filter, Question

_MOST_PROBLEMS = 20
#: Maximum number of sort fields; further ones rarely matter.
_MOST_SORTS = 3
_MOST_ALTERNATIVES = 100
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_PLAIN = re.compile("[!-~]*")
_PLAIN_VALUE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|true|false|null")
_ENTRY = Patterned("[^:]+:.*", 'a key and its value, such as "ticket:T-7"', max_length=200)
_NUMBER = re.compile("[1-9][0-9]{0,17}")

Fields = Mapping[str, Strict]
#: Parameters whose absence has a meaning: a default, or an error.
Implied = Sequence[tuple[str, Strict]]


class Sort(ListOf):
    """The fields to sort by, the most important first, each with ``-`` in front for descending."""

    def __init__(self, names: Sequence[str], default: str) -> None:
        self.names = tuple(names)
        #: The sortable fields.
        self.words = tuple(word for name in names for word in (name, f"-{name}"))
        one, most = Choice(*self.words), min(len(names), _MOST_SORTS)
        text = "The fields to sort by, the most important first, with - in front for descending; the id decides between equals."
        super().__init__(one, most, min_items=1, unique=True, load_default=tuple(default.split(",")), description=text)

    def read(self, value: Any) -> Any:
        words = tuple(super().read(value))
        if len({word.removeprefix("-") for word in words}) < len(words):
            raise wrong("not_unique", "Sort by every field once.")
        return words


class Parameters:
    """The schema of a query string: `parameters` by name, and the `implied` ones, whose absence has a meaning."""

    def __init__(self, parameters: Fields) -> None:
        self.parameters, self.implied = parameters, _implied(parameters)

    def with_more(self, **fields: Strict) -> Self:
        """Return the same with further parameters."""
        more = copy.copy(self)
        more.parameters = {**self.parameters, **fields}
        more.implied = _implied(more.parameters)
        return more


class ListQuery(Parameters):
    """The query parameters of an operation's lists.

    `reply` is the schema of the items: its fields define how the text of a filter is parsed and which operators exist. `filters` and
    `sorts` name the available fields; `default` is the order without ``sort``, in its syntax; `search` names the columns that ``q``
    searches. `columns` are further filters, on columns that the items do not show.

    `timed` names filters without an index in a table that may have millions of rows, such as ``kind`` with all its operators, or
    ``agent_id[ne]``: they require the beginning of a time range of the field of the default order, or one of the parameters `unless`.
    """

    def __init__(
        self,
        reply: marshmallow.Schema,
        *,
        filters: Sequence[str] = (),
        columns: Mapping[str, Strict] = MappingProxyType({}),
        sorts: Sequence[str] = ("created_at",),
        search: Sequence[str] = (),
        default: str = "-created_at",
        timed: Sequence[str] = (),
        unless: Sequence[str] = (),
    ) -> None:
        unknown = next((name for name in filters if name not in reply.fields), None)
        if unknown is not None:
            advice = did_you_mean(unknown, reply.fields)
            raise LookupError(f"lists cannot be filtered by {unknown}, which is no field of {type(reply).__name__}.{advice}")
        self.search = tuple(search)
        asked = {**{name: reply.fields[name] for name in filters}, **columns}
        self.filters = {key: found for name, field in asked.items() for key, found in _filters(name, field)}
        super().__init__(
            {
                **_common(tuple(reply.dump_fields), Sort(sorts, default), bool(search)),
                **{key: field for key, (_, _, field) in self.filters.items()},
            }
        )
        time = default.partition(",")[0].removeprefix("-")
        #: The filters that are timed, the parameter with the beginning, and its alternatives.
        self.timed = frozenset(key for key, (name, _, _) in self.filters.items() if name in timed or key in timed)
        self.since = f"{time}[gte]"
        self._bounds = frozenset((time, self.since, f"{time}[gt]", *unless, *(f"{name}[in]" for name in unless)))
        others = "".join(f", or {name}" for name in unless if "[" not in name)
        self._advice = f"This filter alone goes over everything. Write {self.since}=2026-01-31T00:00:00Z as well{others}."

    def problems(self, values: Mapping[str, Any]) -> dict[str, list[Problem]]:
        """Return the errors of the combined `values`: timed filters without a time."""
        if self.timed.isdisjoint(values) or not self._bounds.isdisjoint(values):
            return {}
        return {key: [Problem("invalid_parameter", self._advice)] for key in sorted(self.timed.intersection(values))}

    def question(self, route: str, values: Mapping[str, Any]) -> Question:
        """Return the list request of the parsed `values` for the list at `route`."""
        return Question(
            route=route,
            limit=values["limit"],
            sort=values["sort"],
            filters=self.filters_in(values),
            cursor=values.get("cursor"),
            total="total" in values.get("include", ()),
            search=values.get("q"),
        )

    def filters_in(self, values: Mapping[str, Any]) -> list[Filter]:
        """Return the filters among the parsed `values`."""
        if self.filters.keys().isdisjoint(values):
            return []
        return [_filter(*found, values[key]) for key, found in self.filters.items() if key in values]


def parse(query_string: str, declared: marshmallow.Schema | Parameters | None) -> dict[str, Any]:
    """Return the typed values of the parameters, with defaults for absent ones.

    Raises Refused (400) with every ``unknown_parameter`` and ``invalid_parameter``, keyed by the parameter.
    """
    parameters, implied = _declared(declared)
    values: dict[str, Any] = {}
    problems: dict[str, list[Problem]] = {}
    tolerant = getattr(declared, "tolerant", False)
    for name, text in _pairs(query_string):
        if name not in parameters and (tolerant or shown(name) in problems):
            continue
        problem = _read_into(values, parameters, name, text)
        if problem is not None:
            problems[shown(name) or "_"] = [problem]
            if len(problems) == _MOST_PROBLEMS:
                raise _refusal(problems)
    for name, field in implied:
        if name not in values and name not in problems:
            if field.required:
                problems[name] = [Problem("invalid_parameter", f"This parameter is required. Write {field.expects}.")]
            else:
                values[name] = field.load_default() if callable(field.load_default) else field.load_default
    if isinstance(declared, ListQuery) and not problems:
        problems = declared.problems(values)
    if problems:
        raise _refusal(problems)
    return values


def id_from_path(text: str) -> int:
    """Parse a part of a path as a positive integer; raises the uniform 404 for anything else."""
    if not _NUMBER.fullmatch(text):
        raise not_found()
    return int(text)


def _declared(declared: marshmallow.Schema | Parameters | None) -> tuple[Fields, Implied]:
    if declared is None:
        return {}, ()
    if isinstance(declared, Parameters):
        return declared.parameters, declared.implied
    parameters: Any = declared.load_fields
    return parameters, _implied(parameters)


def _implied(parameters: Fields) -> Implied:
    return [(name, field) for name, field in parameters.items() if field.required or field.load_default is not missing]


def _pairs(query_string: str) -> Iterator[tuple[str, str]]:
    if not query_string:
        return
    for piece in query_string.split("&"):
        name, equals, text = piece.partition("=")
        if not name or not equals:
            raise _refusal({"_": [Problem("invalid_parameter", "Write each parameter as name=value, with one & between two.")]})
        yield _decoded(name), _decoded(text)


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text and _PLAIN.fullmatch(text):
        return text
    try:
        if _BAD_ESCAPE.search(text):
            raise ValueError("not percent-encoded")
        return unquote_to_bytes(text.replace("+", " ").encode("ascii")).decode()
    except ValueError:
        problem = Problem("invalid_parameter", "Percent-encode the query string as UTF-8.")
        raise _refusal({"_": [problem]}) from None


def _read_into(values: dict[str, Any], parameters: Fields, name: str, text: str) -> Problem | None:
    field = parameters.get(name)
    if field is None:
        return Problem("unknown_parameter", f'There is no parameter "{shown(name)}".{_advice(name, parameters)}')
    if name in values:
        return Problem("invalid_parameter", "Write this parameter once.")
    try:
        values[name] = field.deserialize(field.read_text(text))
    except ValidationError as error:
        return Problem("invalid_parameter", _first(error.messages).message)
    return None


def _advice(name: str, parameters: Fields) -> str:
    operators = [known for known in parameters if known.partition("[")[0] == name.partition("[")[0]]
    if operators:
        return f" There are {', '.join(operators)}."
    if not parameters:
        return " This operation takes none."
    plain = ", ".join(sorted(known for known in parameters if "[" not in known))
    return did_you_mean(name, parameters) or f" The parameters are {plain}."


def _first(messages: Any) -> Problem:
    while isinstance(messages, dict):
        messages = next(iter(messages.values()))
    found = messages[0]
    return found if isinstance(found, Problem) else Problem("invalid_parameter", str(found))


def _refusal(problems: Mapping[str, Sequence[Problem]]) -> Refused:
    refused = Refused(next(iter(problems.values()))[0].code, "Some query parameters are not valid.")
    refused.problems = problems
    return refused


def _common(names: tuple[str, ...], sort: Sort, searchable: bool) -> dict[str, Strict]:
    common: dict[str, Strict] = {
        "limit": Integer(1, 100, load_default=25, description="How many items a page has."),
        "cursor": Text(1, 3072, description="Where the page begins: next_cursor or prev_cursor of another page."),
        "sort": sort,
        "fields": ListOf(Choice(*names), len(names), min_items=1, unique=True, description="Which fields the items have."),
        "include": ListOf(Choice("total"), 1, min_items=1, description="What to add: total counts the items, up to 10,000."),
    }
    return {**common, "q": Text(1, 200, description="Text to look for.")} if searchable else common


def _filters(name: str, field: Any) -> Iterator[tuple[str, tuple[str, str, Strict]]]:
    """Return the parameters that filter by one field: the key of each, with the field's name, the operator, and the parser of its text."""
    can_be_null, field = field.allow_none, copy.copy(field)
    # No filter has to be there, even of a field that always is; and no text in a query string is null.
    field.required, field.load_default, field.allow_none = False, missing, False
    if isinstance(field, ListOf):
        yield name, (name, "has", field.inner)  # type: ignore[misc]
        return
    if isinstance(field, Json) and field.object_only:
        yield name, (name, "entry", _ENTRY)
        return
    if not isinstance(field, Strict) or not field.operators:
        raise TypeError(f"lists cannot be filtered by {name!r}; name a field of a simple type from aasim_core.schemas.fields")
    yield name, (name, "eq", field)
    for operator in field.operators:
        yield f"{name}[{operator}]", (name, operator, _operand(operator, field))
    if can_be_null:
        yield f"{name}[is_null]", (name, "is_null", Boolean())


def _operand(operator: str, field: Strict) -> Strict:
    if operator == "in":
        return ListOf(field, _MOST_ALTERNATIVES, min_items=1, unique=True)
    return Text(1, 200) if operator in ("contains", "prefix") else field


def _filter(name: str, operator: str, field: Strict, value: Any) -> Filter:
    """Return the filter with its value in the database's form, which is the form in JSON."""
    if operator == "has":
        # A list is stored as JSON text, with its items in quotes.
        return Filter(name, "contains", orjson.dumps(value).decode())
    if operator == "entry":
        return Filter(name, operator, _spellings(*value.split(":", 1)))
    if operator == "in":
        inner: Any = field.inner  # type: ignore[attr-defined]
        return Filter(name, operator, [inner.write(each) for each in value])
    return Filter(name, operator, field.write(value))


def _spellings(key: str, text: str) -> list[str]:
    """Return the spellings of the entry in an object's JSON text: as a string, or as the number, boolean or null that `text` spells."""
    key = orjson.dumps(key).decode()
    spellings = [f"{key}:{orjson.dumps(text).decode()}"]
    return [*spellings, f"{key}:{text},", f"{key}:{text}}}"] if _PLAIN_VALUE.fullmatch(text) else spellings
