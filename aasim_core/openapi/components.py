"""The named schemas of the document: request bodies, responses, and enumerations."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from enum import Enum
from itertools import count
from types import MappingProxyType
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, missing

from ..error_codes import CORE_CODES, ErrorCode
from ..plugins.manifest import CORE
from ..schemas.containers import Json, ListOf, Object
from ..schemas.scalars import Text
from ..serving.expanding import NamedOut
from ..text.json import to_json
from .later_values import closed, opened

Shape = dict[str, Any]

#: The version of OpenAPI.
VERSION = "3.1.0"


class Use(Enum):
    """The use of a schema; the value is the ending of its name.

    A body is closed, since unknown fields are errors. A patch has neither defaults nor required fields, also in nested objects, so that a
    client changes only what it names; null resets a nested member to its default. A response is open, because fields and values can be
    added. An item is a response from which ``fields=`` may omit fields. A query parameter is text, with commas between the items of a list.
    Words are those of such a list that no response has.
    """

    BODY = "In"
    PATCH = "Patch"
    MEMBERS = "Members"
    ANSWER = "Out"
    ITEM = "Item"
    QUERY = "Query"
    WORDS = "Words"


_FREE: Shape = {"type": "object", "additionalProperties": True, "description": "Any JSON object."}
_CLOSED = (Use.BODY, Use.PATCH, Use.MEMBERS)
_ASKED = (Use.QUERY, Use.WORDS)
_ANSWERED = (Use.ANSWER, Use.ITEM)
_SENT = (*_CLOSED, *_ASKED)
#: Of nested objects, and of lists, which are replaced as a whole.
_WITHIN_OBJECT = {Use.ITEM: Use.ANSWER, Use.PATCH: Use.MEMBERS}
_WITHIN_LIST = {Use.ITEM: Use.ANSWER, Use.PATCH: Use.BODY, Use.MEMBERS: Use.BODY}


class Components:
    """The components of one document; `owners` names the plugin of each package, so that two plugins may use one name.

    `error_codes` are all codes, by name. `named` are the fields that ``expand`` adds to objects, by their class, each with its word.
    """

    def __init__(
        self,
        owners: Mapping[str, str],
        error_codes: Mapping[str, ErrorCode] = CORE_CODES,
        named: Mapping[type, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        self._owners, self._named = owners, named
        self.error_codes = error_codes
        self._names: dict[tuple[type[Schema], Use], str] = {}
        self._sections: dict[str, dict[str, Shape]] = defaultdict(dict)
        self._set_by_clients: set[str] = set()
        self._converter = OpenAPIConverter(VERSION, lambda _: None, APISpec("", "", VERSION))

    def finished(self) -> Mapping[str, Mapping[str, Shape]]:
        """Return the document's components, by section and name, when all are known."""
        return {**self._sections, "schemas": closed(self._sections["schemas"], self._set_by_clients)}

    def refer(self, section: str, shape: Shape, *names: str) -> Shape:
        """Add the component to the section, under the first of `names` that is free; returns a reference to it."""
        held = self._sections[section]
        name = next(name for name in _endless(names) if held.setdefault(name, shape) == shape)
        return {"$ref": f"#/components/{section}/{name}"}

    def name(self, schema: Schema, use: Use) -> str:
        """Return ``agents.AgentIn``: the plugin, and the class with the ending of its use."""
        kind = type(schema)
        if (kind, use) not in self._names:
            owner, taken = self.owner(kind), set(self._names.values())
            names = _endless((f"{owner}.{stem(kind)}{use.value}", f"{owner}.{kind.__name__}{use.value}"))
            self._names[kind, use] = next(name for name in names if name not in taken)
        return self._names[kind, use]

    def owner(self, kind: type) -> str:
        """Return the plugin of the class."""
        module = f"{kind.__module__}."
        found = [name for package, name in self._owners.items() if module.startswith(f"{package}.")]
        return found[0] if found else CORE

    def schema(self, schema: Schema, use: Use) -> Shape:
        """Return a reference to the schema's component."""
        name = self.name(schema, use)
        if name not in self._sections["schemas"]:
            self._sections["schemas"][name] = {}
            self._sections["schemas"][name] |= self._object(schema, use)
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, schema: Schema, use: Use) -> Shape:
        held = schema.load_fields if use in _CLOSED else schema.dump_fields
        shape: Shape = {"type": "object"}
        if text := plain((type(schema).__doc__ or "").strip().split("\n\n")[0]):
            shape["description"] = text
        shape["properties"] = {name: self.field(field, use, type(schema), name) for name, field in held.items()}
        if use in _ANSWERED:
            added = self._named.get(type(schema), {})
            shape["properties"] |= {name: self._name_of(word) for name, word in added.items()}
        required = [name for name, field in held.items() if field.required] if use in (Use.BODY, Use.ANSWER) else []
        if required:
            shape["required"] = required
        if use in _CLOSED:
            shape["additionalProperties"] = False
        rules = [rule.shape() for rule in getattr(schema, "rules", ())] if use is Use.BODY else []
        return shape | (rules[0] if len(rules) == 1 else {"allOf": rules} if rules else {})

    def _name_of(self, word: str) -> Shape:
        """Return the object that ``expand`` adds."""
        named = {"anyOf": [self.schema(NamedOut(), Use.ANSWER), {"type": "null"}]}
        return {**named, "description": f"With `expand={word}`; null where it is gone, or not for you to see."}

    def field(self, field: fields.Field[Any], use: Use, kind: type, name: str) -> Shape:
        """Return the schema of a field of the class `kind`; its enumeration is a component."""
        if use is Use.MEMBERS and not (field.required or field.allow_none):
            field = copy(field)
            field.allow_none = True
        shape = self._shape(field, use, kind, name)
        if use is Use.BODY and not field.required and field.load_default is not missing:
            shape["description"] = f"{shape.get('description', '')} Defaults to {_default(field)}.".strip()
        if use in _ASKED and isinstance(field.load_default, str | int | tuple):
            shape["default"] = list(field.load_default) if isinstance(field.load_default, tuple) else field.load_default
        return shape

    def _shape(self, field: fields.Field[Any], use: Use, kind: type, name: str) -> Shape:
        about = _about(field.metadata)
        if isinstance(field, Object):
            return _with(self.schema(field.schema, _WITHIN_OBJECT.get(use, use)), about, field)
        if isinstance(field, ListOf):
            items = self._shape(field.inner, _WITHIN_LIST.get(use, use), kind, name)
            if use is Use.QUERY and isinstance(field.inner, Text) and "pattern" in items:
                items["pattern"] = items["pattern"].replace("[^", "[^,")
            return about | _typed({"type": "array"}, field) | {"items": items}
        if isinstance(field, Json) and field.object_only:
            return _with(self.refer("schemas", _FREE, "core.JsonObject"), _without_type(about), field)
        shape = _about(self._converter.field2property(field))
        shape.pop("default", None)
        if isinstance(field, Json) and use in _SENT and not field.allow_none:
            shape["not"] = {"type": "null"}
        if isinstance(field, Text) and use in _SENT and not _says_characters(shape):
            shape["pattern"] = field.characters
        if "enum" not in shape:
            return shape
        values = [value for value in shape.pop("enum") if value is not None]
        words = self.words(_literal(values) if use is Use.WORDS else {"type": "string", "enum": values}, kind, name)
        if use in _CLOSED:
            self._set_by_clients.add(words["$ref"])
        return _with(opened(words) if use in _ANSWERED else words, _without_type(shape), field)

    def words(self, shape: Shape, kind: type, name: str) -> Shape:
        """Return a reference to the enumeration of the class's field `name`; other classes of the plugin may share it."""
        field = "".join(part.title() for part in name.split("_"))
        owner = self.owner(kind)
        for known, held in self._sections["schemas"].items():
            if known.startswith(f"{owner}.") and known.endswith(field) and held == shape:
                return {"$ref": f"#/components/schemas/{known}"}
        return self.refer("schemas", shape, f"{owner}.{stem(kind)}{field}", f"{owner}.{kind.__name__}{field}")


def _literal(values: Sequence[str]) -> Shape:
    """Return the enumeration as constants, which are literals in a generated client, where ``enum`` is a class in a file of its own.

    Python's generator cannot read such literals in responses.
    """
    constants: list[Shape] = [{"const": value} for value in values]
    return {"oneOf": constants} if len(constants) > 1 else constants[0]


def _says_characters(shape: Shape) -> bool:
    """Return whether the schema of a text restricts its characters; the format of a password does not."""
    return bool(shape.keys() & {"pattern", "enum"}) or shape.get("format", "password") != "password"


def _about(metadata: Mapping[str, Any]) -> Shape:
    return {key: plain(value) if key == "description" else value for key, value in metadata.items()}


def _endless(names: Sequence[str]) -> Iterator[str]:
    """Yield the names, and then the last one with numbers."""
    yield from names
    yield from (f"{names[-1]}{number}" for number in count(2))


def stem(kind: type) -> str:
    """Return the name of a schema without its direction: ``Agent`` for ``AgentIn`` and ``AgentOut``."""
    return kind.__name__.removesuffix("In").removesuffix("Out")


def plain(text: str) -> str:
    """Return the text of a docstring as Markdown on one line."""
    return text.replace("``", "`")


def _with(reference: Shape, about: Shape, field: fields.Field[Any]) -> Shape:
    if not field.allow_none:
        return {**reference, **about}
    return {"anyOf": [*reference.get("anyOf", (reference,)), {"type": "null"}], **about}


def _typed(shape: Shape, field: fields.Field[Any]) -> Shape:
    return {"type": [shape["type"], "null"]} if field.allow_none else shape


def _without_type(shape: Shape) -> Shape:
    return {name: value for name, value in shape.items() if name not in ("type", "additionalProperties")}


def _default(field: fields.Field[Any]) -> str:
    value = field.load_default() if callable(field.load_default) else field.load_default
    return f"`{to_json(value).decode()}`"
