"""Rules about several fields of a body: checked on loading, and shown in the API reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import Problem

Flaws = Mapping[str, list[Problem]]
_NOT_NULL = {"not": {"type": "null"}}


class Rule(Protocol):
    """What a schema's `rules` hold."""

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """What is wrong with the fields, by field."""

    def shape(self) -> dict[str, Any]:
        """The rule in JSON Schema; with ``if``, which generators of clients ignore, where ``oneOf`` makes them lose the fields."""


@dataclass(frozen=True)
class OneOf:
    """Exactly one of two fields is there; at most one where they are `optional`."""

    first: str
    second: str
    optional: bool = False

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """Both, or none."""
        given = len({self.first, self.second} & fields.keys())
        if given == 1 or (given == 0 and self.optional):
            return {}
        return {self.first: [Problem("invalid_choice" if given else "required", f"Write either {self.first} or {self.second}.")]}

    def shape(self) -> dict[str, Any]:
        """One forbids the other."""
        otherwise = {} if self.optional else {"else": _there(self.second)}
        return {"if": _there(self.first), "then": {"not": _there(self.second)}, **otherwise}


@dataclass(frozen=True)
class AnyOf:
    """At least one of two fields is there, and not null."""

    first: str
    second: str

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """None is there."""
        if fields.get(self.first) is not None or fields.get(self.second) is not None:
            return {}
        return {self.first: [Problem("required", f"Write {self.first}, {self.second}, or both.")]}

    def shape(self) -> dict[str, Any]:
        """One that is absent asks for the other."""
        return {"if": {"not": _there(self.first, _NOT_NULL)}, "then": _there(self.second, _NOT_NULL)}


@dataclass(frozen=True)
class Needs:
    """The field is there, and not null, where the field `of` has one of the values `when`, of which the `default` is one."""

    field: str
    of: str
    when: Sequence[str]
    message: str = ""
    default: bool = False

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """It is not there."""
        value = fields.get(self.of)
        if value not in self.when or fields.get(self.field) is not None:
            return {}
        return {self.field: [Problem("required", self.message or f"Write the id of the {str(value).replace('_', ' ')}.")]}

    def shape(self) -> dict[str, Any]:
        """The one value asks for the other field."""
        return {"if": _has(self.of, self.when, self.default), "then": _there(self.field, _NOT_NULL)}


@dataclass(frozen=True)
class Excludes:
    """The field is not there where the field `of` has one of the values `when`."""

    field: str
    of: str
    when: Sequence[str]
    message: str

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """It is there."""
        if fields.get(self.of) not in self.when or self.field not in fields:
            return {}
        return {self.field: [Problem("invalid_choice", self.message)]}

    def shape(self) -> dict[str, Any]:
        """The one value forbids the other field."""
        return {"if": _has(self.of, self.when, False), "then": {"not": _there(self.field)}}


@dataclass(frozen=True)
class Together:
    """The field is there only with another one, `beside`."""

    field: str
    beside: str
    message: str

    def flaws(self, fields: Mapping[str, Any]) -> Flaws:
        """It is there alone."""
        return {self.beside: [Problem("required", self.message)]} if self.field in fields and self.beside not in fields else {}

    def shape(self) -> dict[str, Any]:
        """The one asks for the other."""
        return {"dependentRequired": {self.field: [self.beside]}}


def _there(name: str, shape: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"required": [name], "properties": {name: shape or {}}}


def _has(name: str, values: Sequence[str], default: bool) -> dict[str, Any]:
    condition: dict[str, Any] = {"properties": {name: {"enum": list(values)}}}
    return condition if default else {"required": [name], **condition}
