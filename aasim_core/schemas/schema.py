"""Schemas of requests and responses, and `load`, which converts a JSON value to typed fields or reports every error.

The convention is one class a direction: ``AgentIn`` for what is sent, which PATCH loads as `partial`, and ``AgentOut`` for answers.
Instances are made once, in the module that declares the operations: making one costs more than using it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import marshmallow
from marshmallow import EXCLUDE, ValidationError, validates_schema

from ..errors import Invalid, Problem, Refused
from ..text.suggestions import did_you_mean
from .containers import Object
from .formats import Id, Instant, example_id
from .json_values import NO_BODY, Path, joined, kind_of, shown
from .rules import Rule
from .scalars import Boolean, Integer, Text

# Enough for a person to fix a request; more would only make the response grow with a hostile request.
_MOST_PROBLEMS = 50
_MOST_UNKNOWN = 20


class Schema(marshmallow.Schema):
    """The base of every schema; unknown fields are errors that name the closest known one.

    A `tolerant` one ignores unknown parameters: those of a page that other systems redirect people to.
    """

    tolerant: ClassVar[bool] = False
    #: Fields of a response with an object, or a list of some, in which ``expand`` adds names to ids, with the field as its word.
    expandable: ClassVar[Sequence[str]] = ()
    #: Conditions on several fields together; a patch is checked where it is merged.
    rules: ClassVar[Sequence[Rule]] = ()

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_unknown_fields(self, data: Any, original: Any, **_: Any) -> None:
        """Raise for what the schema does not declare."""
        unknown = [name for name in original if name not in self._known]
        if unknown:
            raise ValidationError({name: [_unknown(name, self._known)] for name in unknown[:_MOST_UNKNOWN]})

    @validates_schema
    def check_rules(self, data: Any, *, partial: Any = None, **_: Any) -> None:
        """Raise for the first of the `rules` that is broken."""
        for rule in () if partial else self.rules:
            if flaws := rule.flaws(data):
                raise ValidationError(dict(flaws))

    @cached_property
    def _known(self) -> Mapping[str, None]:
        return dict.fromkeys(field.data_key or name for name, field in self.load_fields.items())


#: For operations that take no body.
NOTHING = Schema()


class PaginationOut(Schema):
    """Where a page of a list stands."""

    limit = Integer(required=True)
    next_cursor = Text(max_length=2048, allow_none=True, required=True)
    prev_cursor = Text(max_length=2048, allow_none=True, required=True)
    has_more = Boolean(required=True)
    total = Integer(0, description="How many there are, with include=total; at most 10,000 are counted.")
    total_is_at_least = Boolean(description="Whether there are more than total, with include=total.")


class RecordOut(Schema):
    """What clients get of every record of an organization; a subclass says how its ids begin."""

    id = Id(required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True, description="Counts every change, for If-Match.")
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class DeletedOut(Schema):
    """What is left of an object that was deleted."""

    id = Text(required=True, example=example_id())
    deleted = Boolean(required=True)


def _unknown(name: str, known: Collection[str]) -> Problem:
    advice = did_you_mean(name, known) or ("" if known else " Send no fields.") or f" The fields are {', '.join(sorted(known))}."
    return Problem("unknown_field", f'There is no field "{shown(name)}".{advice}')


def load(schema: marshmallow.Schema, value: Any, *, partial: bool = False) -> dict[str, Any]:
    """Return the fields of the JSON value `value`, typed; raises Invalid with every problem, keyed by the field's path.

    A missing body counts as an empty object where no field is required; elsewhere it raises Refused ``malformed_json``. With `partial`, as
    for PATCH, absent fields stay absent, except in the items of lists; nested objects are patches, for `merged`.
    """
    if value is NO_BODY:
        value = _in_place_of_a_body(schema, partial)
    if type(value) is not dict:
        raise Invalid({"_": [Problem("invalid_type", f"Send an object, not {kind_of(value)}.")]})
    try:
        # `refuse_unknown_fields` says more about what marshmallow would refuse itself.
        loaded: dict[str, Any] = schema.load(value, partial=partial or None, unknown=EXCLUDE)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from None
    return loaded


def merged(schema: marshmallow.Schema, patch: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Return the fields of a `partial` load with complete nested objects: members that the patch omits are taken from the record.

    Raises Invalid for an object that is invalid as a whole.
    """
    values, problems = dict(patch), {}
    for name, field in schema.load_fields.items():
        if isinstance(field, Object) and isinstance(patch.get(name), dict):
            try:
                values[name] = field.deserialize(field.merged(getattr(record, name, None), patch[name]))
            except ValidationError as error:
                problems[name] = error.messages
    if problems:
        raise Invalid(problems_of(ValidationError(problems)))
    return values


def _in_place_of_a_body(schema: marshmallow.Schema, partial: bool) -> dict[str, Any]:
    needed = [name for name, field in schema.load_fields.items() if field.required]
    if needed or partial:
        what = ", ".join(needed) or "the fields to change"
        raise Refused("malformed_json", f"The body is empty. Send a JSON object with {what}.")
    return {}


def problems_of(error: ValidationError) -> Mapping[str, list[Problem]]:
    """The problems in marshmallow's nested form, keyed by the path of the field, such as ``steps[2].name``."""
    problems: dict[str, list[Problem]] = {}
    for count, (path, problem) in enumerate(_flat(error.messages, ())):
        if count >= _MOST_PROBLEMS:
            break
        problems.setdefault(joined(path), []).append(problem)
    return problems


def _flat(messages: Any, path: Path) -> Iterator[tuple[Path, Problem]]:
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _flat(inner, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for each in messages:
            yield from _flat(each, path)
    else:
        yield path, messages if isinstance(messages, Problem) else Problem("invalid_format", str(messages))


def merge_patch(target: Any, patch: Any) -> Any:
    """`target` as `patch` changes it: objects are merged, a null removes a key, anything else replaces (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
