"""JSON Schema of users: checked when it is saved, enforced when an agent runs, and never fetching anything."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

_LARGEST = 64


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not part of this schema; a schema cannot refer to other documents")


def flaw(schema: Any) -> str | None:
    """What is wrong with the schema, as one sentence, or None."""
    try:
        jsonschema_rs.validator_for(schema, retriever=_refuse)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        return f"This is not a JSON Schema: {str(error).splitlines()[0]}"
    return None


def violations(schema: Any, value: Any) -> list[tuple[str, str]]:
    """What in `value` breaks the schema, as (path, sentence); at most 64 of them."""
    return [(_path(parts), message) for parts, message in _broken(schema, value)]


def violations_by_pointer(schema: Any, value: Any) -> list[tuple[str, str]]:
    """The same, with JSON pointers (RFC 6901) in place of paths."""
    return [(_pointer(parts), message) for parts, message in _broken(schema, value)]


def _broken(schema: Any, value: Any) -> Iterator[tuple[Any, str]]:
    errors = jsonschema_rs.validator_for(schema, retriever=_refuse).iter_errors(value)
    return ((error.instance_path, error.message) for error in islice(errors, _LARGEST))


def _path(parts: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.lstrip(".") or "_"


def _pointer(parts: Any) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
