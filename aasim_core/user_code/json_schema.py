"""JSON Schema of users: checked and bounded when it is saved, enforced within a bound when it is used, and never fetching anything."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
import orjson

from ..text.json import to_json
from . import schema_words
from .schema_cost import DEEPEST, Cost, size_of
from .schema_document import MOST_PARTS, TOO_LARGE, Document, Flawed
from .schema_graph import PATTERN_OPTIONS, graph_of
from .schema_words import Violation

_MOST_ERRORS = 64
# Larger schemas are parsed each time, so that cached ones take little memory.
_LONGEST_KEPT = 2**15
_LONGEST_MESSAGE = 500
# Each error holds the part of the value that it is about: these are how many parts all of them may hold.
_MOST_IN_ERRORS = 1_000_000

_TOO_COSTLY = "It takes too many steps to check this; send less, or simplify the schema."
_NOT_LISTED = "This does not meet the schema, and it is too large to list where."


@dataclass(frozen=True)
class _Known:
    """A schema that can be applied, and what that costs."""

    validator: Any
    cost: Cost
    # The graph's keys are the identities of this object's parts.
    schema: Any


def flaw(schema: Any) -> str | None:
    """What is wrong with the schema, as one sentence, or None.

    A schema is refused, too, where it is larger than MOST_PARTS with each reference counted as its target, and where schemas
    apply each other more than DEEPEST in a row.
    """
    try:
        cost = _known_of(schema).cost
    except Flawed as error:
        return str(error)
    if cost.depth > DEEPEST:
        return f"This schema is nested more than {DEEPEST} deep, with its references followed; make it flatter."
    if cost.expanded > MOST_PARTS:
        return TOO_LARGE
    return None


def violations(schema: Any, value: Any) -> list[tuple[str, str]]:
    """What in `value` breaks the schema, as (path, sentence); at most 64 of them, and one where it takes too many steps to say."""
    return _broken(schema, value, _path)


def violations_by_pointer(schema: Any, value: Any) -> list[tuple[str, str]]:
    """The same, with JSON pointers (RFC 6901) in place of paths."""
    return _broken(schema, value, _pointer)


def told(schema: Any, value: Any) -> list[Violation]:
    """The same, with a code of the API, and what to write instead."""
    try:
        errors = list(_errors(schema, value))
    except Flawed as error:
        return [Violation((), "invalid_format", str(error))]
    found = (violation for error in errors for violation in schema_words.told(error, schema, value))
    return [violation._replace(message=violation.message[:_LONGEST_MESSAGE]) for violation in islice(found, _MOST_ERRORS)]


def too_costly(schema: Any, value: Any) -> bool:
    """Whether it takes too many steps to say if the value meets the schema; then there is one violation, which says so."""
    return not _known_of(schema).cost.fits(value)


def _broken(schema: Any, value: Any, place: Callable[[Any], str]) -> list[tuple[str, str]]:
    try:
        return [(place(error.instance_path), error.message[:_LONGEST_MESSAGE]) for error in _errors(schema, value)]
    except Flawed as error:
        return [(place(()), str(error))]


def _errors(schema: Any, value: Any) -> Iterator[Any]:
    """The first errors; Flawed where they cannot be reported."""
    known = _known_of(schema)
    if not known.cost.fits(value):
        raise Flawed(_TOO_COSTLY)
    if known.validator.is_valid(value):
        return
    if known.cost.expanded * size_of(value).parts > _MOST_IN_ERRORS:
        raise Flawed(_NOT_LISTED)
    yield from islice(known.validator.iter_errors(value), _MOST_ERRORS)


def _known_of(schema: Any) -> _Known:
    try:
        text = to_json(schema)
    except TypeError as error:
        raise Flawed(f"This is not a JSON Schema: {error}") from None
    return _kept(text) if len(text) <= _LONGEST_KEPT else _known(text)


@lru_cache(maxsize=64)
def _kept(text: bytes) -> _Known:
    return _known(text)


def _known(text: bytes) -> _Known:
    schema = orjson.loads(text)
    document = Document(schema)
    _check_form(schema)
    cost = Cost(graph_of(document))
    return _Known(_validator(schema) if cost.depth <= DEEPEST else None, cost, schema)


def _check_form(schema: Any) -> None:
    """Flawed for what does not meet the meta-schema; with a registry, even an empty one, none is fetched."""
    try:
        jsonschema_rs.meta.validate(schema, registry=jsonschema_rs.Registry([]))
    except jsonschema_rs.ReferencingError:
        advice = "write https://json-schema.org/draft/2020-12/schema, or leave it out"
        raise Flawed(f"This is not a JSON Schema: $schema names no known draft; {advice}.") from None
    except jsonschema_rs.ValidationError as error:
        raise Flawed(_not_a_schema(error)) from None


def _validator(schema: Any) -> Any:
    try:
        return jsonschema_rs.validator_for(schema, retriever=_refuse, pattern_options=PATTERN_OPTIONS)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise Flawed(_not_a_schema(error)) from None


def _not_a_schema(error: Exception) -> str:
    return f"This is not a JSON Schema: {str(error).splitlines()[0][:_LONGEST_MESSAGE]}"


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not part of this schema; a schema cannot refer to other documents")


def _path(parts: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.lstrip(".") or "_"


def _pointer(parts: Any) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
