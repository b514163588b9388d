"""JSON Schema of users: checked when it is saved, enforced when an agent runs, and never fetching anything."""

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
    validator = jsonschema_rs.validator_for(schema, retriever=_refuse)
    found = []
    for error in validator.iter_errors(value):
        found.append((_path(error.instance_path), error.message))
        if len(found) == _LARGEST:
            break
    return found


def _path(parts: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.lstrip(".") or "_"
