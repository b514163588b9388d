"""A JSON Schema as a document: how large it is, and where its references lead."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

#: How many parts a schema may have: values in the document, and again with each reference counted as large as its target.
MOST_PARTS = 10_000
TOO_LARGE = f"With its references followed, this schema has more than {MOST_PARTS} parts; simplify it, or refer less often."


class Flawed(ValueError):
    """The schema cannot be used; the text is a sentence for people."""


class Document:
    """A schema with the anchors in it; Flawed for one that is too large, or that holds other documents."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema
        self._is_old = isinstance(schema, Mapping) and "draft-04" in str(schema.get("$schema"))
        self._uri = str(schema.get(self._identity, "")).rstrip("#") if isinstance(schema, Mapping) else ""
        self._anchors: dict[str, Any] = {}
        for number, part in enumerate(_parts_of(schema)):
            if number >= MOST_PARTS:
                raise Flawed(TOO_LARGE)
            if isinstance(part, Mapping):
                self._read(part)

    @property
    def _identity(self) -> str:
        return "id" if self._is_old else "$id"

    def _read(self, part: Mapping[str, Any]) -> None:
        if part is not self.schema and isinstance(part.get(self._identity), str):
            raise Flawed(
                f"A schema cannot hold another one with an {self._identity}; refer to it by its place, as in #/$defs/name."
            )
        if isinstance(part.get("$anchor"), str):
            self._anchors[part["$anchor"]] = part

    def resolved(self, reference: str) -> Any:
        """The schema that a reference leads to; Flawed where there is none in this document."""
        fragment = unquote(reference.removeprefix(self._uri).removeprefix("#"))
        is_ours = reference.startswith("#") or (self._uri and reference.partition("#")[0] == self._uri)
        found = self._found(fragment) if is_ours else None
        if not is_ours or found is None:
            raise Flawed(f"{reference[:200]} is not part of this schema; a schema cannot refer to other documents.")
        if not isinstance(found, Mapping | bool):
            raise Flawed(f"{reference[:200]} is no schema; refer to an object, or to true or false.")
        return found

    def _found(self, fragment: str) -> Any:
        if not fragment:
            return self.schema
        if not fragment.startswith("/"):
            return self._anchors.get(fragment)
        value = self.schema
        for step in fragment.split("/")[1:]:
            value = _below(value, step.replace("~1", "/").replace("~0", "~"))
        return value


def _below(value: Any, step: str) -> Any:
    if isinstance(value, list):
        return value[int(step)] if step.isdecimal() and step.isascii() and len(step) < 10 and int(step) < len(value) else None
    return value.get(step) if isinstance(value, Mapping) else None


def _parts_of(value: Any) -> Iterator[Any]:
    todo = [value]
    while todo:
        part = todo.pop()
        yield part
        todo += part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
