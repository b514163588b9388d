"""Translate violations of a JSON Schema for the author of the value: location, error code, and what to write instead."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..text.json import to_json
from ..text.suggestions import did_you_mean

Part = str | int
_MOST_UNKNOWN, _MOST_FIELDS = 20, 100
_LONGEST_SHOWN = 100


class Violation(NamedTuple):
    """One thing that breaks a schema: the way to it, down to a field that is missing or unknown, a code, and what to write instead."""

    parts: tuple[Part, ...]
    code: str
    message: str


_KINDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_SENTENCES: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "type": ("invalid_type", lambda kind: f"Write {_one_of([_KINDS[each] for each in kind.types])}."),
    "enum": ("invalid_choice", lambda kind: f"Write {_one_of([_shown(each) for each in kind.options])}."),
    "const": ("invalid_choice", lambda kind: f"Write {_shown(kind.expected_value)}."),
    "minimum": ("out_of_range", lambda kind: f"Write a number of at least {kind.limit}."),
    "maximum": ("out_of_range", lambda kind: f"Write a number of at most {kind.limit}."),
    "exclusiveMinimum": ("out_of_range", lambda kind: f"Write a number above {kind.limit}."),
    "exclusiveMaximum": ("out_of_range", lambda kind: f"Write a number below {kind.limit}."),
    "multipleOf": ("out_of_range", lambda kind: f"Write a multiple of {kind.multiple_of}."),
    "minLength": ("too_short", lambda kind: f"Write at least {_counted(kind.limit, 'character')}."),
    "maxLength": ("too_long", lambda kind: f"Write at most {_counted(kind.limit, 'character')}."),
    "minItems": ("too_short", lambda kind: f"Write a list of at least {_counted(kind.limit, 'item')}."),
    "maxItems": ("too_many_items", lambda kind: f"Write a list of at most {_counted(kind.limit, 'item')}."),
    "minProperties": ("too_short", lambda kind: f"Write at least {_counted(kind.limit, 'field')}."),
    "maxProperties": ("too_many_items", lambda kind: f"Write at most {_counted(kind.limit, 'field')}."),
    "not": ("invalid_format", lambda kind: "This may not be written here."),
    "uniqueItems": ("invalid_format", lambda kind: "Write each item once."),
    "oneOf": ("invalid_format", lambda kind: "This has several of the forms that there are; write one of them."),
    "pattern": ("invalid_format", lambda kind: f"Write what the pattern {kind.pattern[:_LONGEST_SHOWN]} matches."),
}


def told(error: Any, schema: Any, value: Any) -> Iterator[Violation]:
    """What an error of jsonschema_rs about the value means."""
    name, at = error.kind.name, tuple(error.instance_path)
    if name == "required":
        yield Violation(
            (*at, error.kind.property), "required", f'Write the field "{error.kind.property[:_LONGEST_SHOWN]}"; it is required.'
        )
    elif (unknown := _unknown(error, _below(value, at))) is not None:
        known = _fields(schema, error.schema_path)
        yield from (Violation((*at, field), "unknown_field", _no_field(field, known)) for field in unknown[:_MOST_UNKNOWN])
    elif name == "propertyNames":
        inner = next(told(error.kind.error, schema, error.kind.error.instance))
        yield Violation((*at, str(error.kind.error.instance)), inner.code, f"This is no name for a field here. {inner.message}")
    elif name in ("anyOf", "oneOf") and any(error.kind.context):
        yield from _told_of_forms(error, schema, value)
    else:
        code, sentence = _SENTENCES.get(name, ("invalid_format", lambda kind: error.message))
        described = _described(schema, error.schema_path) if code == "invalid_format" else None
        yield Violation(at, code, f"Write {described}." if described else sentence(error.kind))


def _unknown(error: Any, value: Any) -> Sequence[str] | None:
    if error.kind.name in ("additionalProperties", "unevaluatedProperties"):
        return list(error.kind.unexpected)
    is_all = error.kind.name == "falseSchema" and list(error.schema_path)[-1:] == ["additionalProperties"]
    return list(value) if is_all and isinstance(value, Mapping) else None


def _told_of_forms(error: Any, schema: Any, value: Any) -> Iterator[Violation]:
    """What keeps the value from the one form that it has the type of; where that is none or several, all of them in one sentence."""
    forms = [errors for errors in error.kind.context if not any(_is_of_another_kind(each, error) for each in errors)]
    if len(forms) == 1:
        for each in forms[0]:
            yield from told(each, schema, value)
        return
    every = [violation.message for errors in error.kind.context for each in errors[:1] for violation in told(each, schema, value)]
    yield Violation(tuple(error.instance_path), "invalid_format", " Or: ".join(dict.fromkeys(every)))


def _is_of_another_kind(error: Any, of: Any) -> bool:
    return error.kind.name in ("type", "const", "enum") and list(error.instance_path) == list(of.instance_path)


def _fields(schema: Any, path: Sequence[Part]) -> list[str]:
    """The fields that the schema has where a keyword stands in it."""
    found = _below(schema, tuple(path)[:-1])
    properties = found.get("properties") if isinstance(found, Mapping) else None
    return list(properties)[:_MOST_FIELDS] if isinstance(properties, Mapping) else []


def _described(schema: Any, path: Sequence[Part]) -> str | None:
    found = _below(schema, tuple(path)[:-1])
    described = found.get("description") if isinstance(found, Mapping) else None
    return described if isinstance(described, str) else None


def _no_field(name: str, known: Sequence[str]) -> str:
    advice = did_you_mean(name, known) or (f" The fields are {', '.join(sorted(known))}." if known else " Leave it out.")
    return f'There is no field "{name[:_LONGEST_SHOWN]}".{advice}'


def _below(value: Any, path: Sequence[Part]) -> Any:
    for part in path:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return None
    return value


def _one_of(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(value: Any) -> str:
    text = to_json(value).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
