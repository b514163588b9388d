"""Fields of containers: lists, objects with a schema, and free JSON."""

from collections.abc import Mapping
from typing import Any, cast

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from ..errors import Problem
from .json_values import fault_in
from .scalars import Strict, counted, span, wrong

# A list with this many wrong items needs no longer report.
_MOST_FAULTS = 20


class Json(Strict):
    """Any JSON value of at most `max_bytes` bytes and `max_depth` levels; only objects if `object_only`."""

    #: The answer's renderer copies what the database holds unparsed.
    holds_json = True
    operators = ()

    def __init__(self, *, object_only: bool = False, max_bytes: int = 65_536, max_depth: int = 16, **options: Any) -> None:
        self.object_only, self.max_bytes, self.max_depth = object_only, max_bytes, max_depth
        shape = {"type": "object", "additionalProperties": True} if object_only else {}
        value = "a JSON value" if options.get("allow_none") else "a JSON value other than null"
        super().__init__("an object" if object_only else value, shape, **options)

    def read(self, value: Any) -> Any:
        if self.object_only and type(value) is not dict:
            raise self.wrong_type(value)
        fault = fault_in(value, max_depth=self.max_depth)
        if fault is not None:
            raise _at(*fault)
        if len(orjson.dumps(value)) > self.max_bytes:
            raise wrong("too_long", f"Write at most {self.max_bytes} bytes of JSON.")
        return value


class ListOf(Strict, fields.List[Any]):
    """A list of at most `max_items` values of one field's type; all different if `unique`."""

    operators = ()
    inner: fields.Field[Any]

    def __init__(
        self, item: fields.Field[Any], max_items: int = 100, *, min_items: int = 0, unique: bool = False, **options: Any
    ) -> None:
        self.max_items, self.min_items, self.unique = max_items, min_items, unique
        shape = {"type": "array", "minItems": min_items, "maxItems": max_items, "uniqueItems": unique}
        super().__init__(f"a list of {span(min_items, max_items)} items", shape, cls_or_instance=item, **options)

    def read(self, value: Any) -> Any:
        if type(value) is not list:
            raise self.wrong_type(value)
        if len(value) > self.max_items:
            raise wrong("too_many_items", f"Write at most {counted(self.max_items, 'item')}.")
        if len(value) < self.min_items:
            raise wrong("too_short", f"Write at least {counted(self.min_items, 'item')}.")
        items = self._items(value)
        if self.unique and len(set(map(repr, items))) < len(items):
            raise wrong("not_unique", "Write every item once.")
        return items

    def _items(self, value: list[Any]) -> list[Any]:
        items, faults = [], {}
        for index, each in enumerate(value):
            try:
                items.append(self.inner.deserialize(each))
            except ValidationError as error:
                faults[index] = error.messages
            if len(faults) >= _MOST_FAULTS:
                break
        if faults:
            raise ValidationError(faults)
        return items

    def read_text(self, text: str) -> Any:
        read = getattr(self.inner, "read_text", str)
        return [read(part) for part in text.split(",")]

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return fields.List._serialize(self, value, attr, obj, **kwargs)


class Object(Strict, fields.Nested):  # type: ignore[misc] # marshmallow's own fields disagree about a signature
    """An object that another schema describes.

    With `partial`, as for PATCH, its value is the patch as it was sent, checked by itself; `merged` says what it makes of an object.
    """

    operators = ()

    def __init__(self, schema: type[Schema], **options: Any) -> None:
        super().__init__("an object", {}, nested=schema, unknown=EXCLUDE, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **kwargs: Any) -> Any:
        if type(value) is not dict:
            raise self.wrong_type(value)
        if not partial:
            return fields.Nested._deserialize(self, value, attr, data, partial, **kwargs)
        fields.Nested._deserialize(self, self._without_cleared(value), attr, data, partial, **kwargs)
        return value

    def merged(self, current: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON value `current` as `patch` changes it: objects within are merged, and null clears what may be left out."""
        known = self.schema.load_fields
        kept = current if isinstance(current, dict) else {}
        whole = {name: kept[name] for name in known if name in kept}
        for name, value in patch.items():
            member = known[name]
            is_patch = isinstance(member, Object) and isinstance(value, dict)
            whole[name] = cast("Object", member).merged(kept.get(name), value) if is_patch else value
        return self._without_cleared(whole)

    def _without_cleared(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """What is left of the object without the nulls that stand for members' defaults."""
        return {name: each for name, each in value.items() if each is not None or not self._can_clear(name)}

    def _can_clear(self, name: str) -> bool:
        member = self.schema.load_fields.get(name)
        return member is not None and not member.required and not member.allow_none

    def write(self, value: Any) -> Any:
        return self.schema.dump(value)


def _at(path: tuple[str | int, ...], problem: Problem) -> ValidationError:
    messages: Any = [problem]
    for part in reversed(path):
        messages = {part: messages}
    return ValidationError(messages)
