"""Enumerations in responses: a later release may add values, and a client that is generated from this document must not fail for them.

Enumerations that clients set are the same in responses as in bodies, so that what was read can be sent.
"""

from collections.abc import Container
from typing import Any

Shape = dict[str, Any]

#: Stands next to an enumeration.
LATER: Shape = {"type": "string", "maxLength": 100, "description": "Another value, which a later release has added."}


def opened(words: Shape) -> Shape:
    """Return the reference to an enumeration as it is in responses."""
    return {"anyOf": [words, LATER]}


def closed(shape: Any, references: Container[str] | None = None) -> Any:
    """Return the schema, or the document, without later values next to the enumerations of these references, or next to any."""
    if isinstance(shape, list):
        return [closed(each, references) for each in shape]
    if not isinstance(shape, dict):
        return shape
    held = {name: closed(value, references) for name, value in shape.items()}
    if LATER not in held.get("anyOf", ()) or (references is not None and held["anyOf"][0]["$ref"] not in references):
        return held
    words, *others = (each for each in held.pop("anyOf") if each != LATER)
    return {**({"anyOf": [words, *others]} if others else words), **held}
