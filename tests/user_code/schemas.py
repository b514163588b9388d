"""JSON Schemas to attack with, and a count of what applying one really does."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs


def doubling(levels: int, keyword: str = "allOf") -> dict[str, Any]:
    """Each definition applies the one below twice."""
    twice = {f"b{level}": {keyword: [{"$ref": f"#/$defs/b{level - 1}"}] * 2} for level in range(1, levels)}
    return {"$defs": {"b0": {"type": "string"}, **twice}, "$ref": f"#/$defs/b{levels - 1}"}


def chain(levels: int, **beside: Any) -> dict[str, Any]:
    """Each definition tries the one below with `if`, beside other keywords."""
    tried = {f"b{level}": {"if": {"$ref": f"#/$defs/b{level - 1}"}, **beside} for level in range(1, levels)}
    return {"$defs": {"b0": {}, **tried}, "$ref": f"#/$defs/b{levels - 1}"}


#: What expands to more than it looks like.
BOMBS: dict[str, Any] = {
    "allOf, doubled": doubling(40),
    "anyOf, doubled": doubling(40, "anyOf"),
    "oneOf, doubled": doubling(16, "oneOf"),
    "unevaluatedProperties, evaluated twice at each level": chain(30, unevaluatedProperties=False),
    "properties, doubled": {
        "$defs": {"b0": {}, **{f"b{n}": {"properties": {k: {"$ref": f"#/$defs/b{n - 1}"} for k in "ab"}} for n in range(1, 20)}},
        "$ref": "#/$defs/b19",
    },
    "a long chain": {
        "$defs": {"b0": {}, **{f"b{n}": {"$ref": f"#/$defs/b{n - 1}"} for n in range(1, 500)}},
        "$ref": "#/$defs/b499",
    },
    "large lists": {"allOf": [{"enum": list(range(1000))}] * 10},
    "itself": {"$ref": "#"},
    "itself, by way of another": {"$defs": {"a": {"allOf": [{"$ref": "#"}]}}, "anyOf": [{"$ref": "#/$defs/a"}]},
    "itself, behind properties": {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"not": {"$ref": "#/$defs/b"}}}},
    "a dynamic reference": {"$dynamicRef": "#a", "$dynamicAnchor": "a"},
    "many properties": {"properties": {f"p{number}": {} for number in range(10_000)}},
    "many references": {"allOf": [{"$ref": f"#/x/{number}"} for number in range(5_000)], "x": {str(n): {} for n in range(5_000)}},
    "many definitions that nothing uses": {"$defs": {str(number): {} for number in range(10_000)}},
    "large patterns": {"allOf": [{"pattern": r"\w{200}" + str(number)} for number in range(200)]},
    "another document": {"$ref": "https://example.com/schema.json"},
    "another language": {"$schema": "http://127.0.0.1:9/schema"},
}


def counting(schema: Any) -> tuple[jsonschema_rs.Draft202012Validator, list[int]]:
    """A validator of the schema that counts, in the list, how often each schema in it is applied."""
    steps = [0]

    class Counted:
        def __init__(self, *_: Any) -> None: ...

        def validate(self, _value: Any) -> None:
            steps[0] += 1

    marked = copy.deepcopy(schema)
    for part in list(_parts(marked)):
        part["x-count"] = True
    return jsonschema_rs.Draft202012Validator(marked, keywords={"x-count": Counted}), steps


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for each in schema:
            yield from _parts(each)
    if isinstance(schema, dict):
        yield schema
        for keyword, each in schema.items():
            names = keyword in ("properties", "patternProperties", "$defs", "dependentSchemas")
            for inner in each.values() if names and isinstance(each, Mapping) else [each]:
                yield from _parts(inner)


def random_schema(dice: random.Random, names: int = 4) -> dict[str, Any]:
    """A schema of a few definitions that apply each other in every way that there is."""
    return {"$defs": {f"d{number}": _part(dice, names, 2) for number in range(names)}, **_part(dice, names, 3)}


def _part(dice: random.Random, names: int, depth: int) -> dict[str, Any]:
    if depth == 0:
        leaves: list[dict[str, Any]] = [
            {},
            {"type": "string"},
            {"const": 1},
            {"$ref": f"#/$defs/d{dice.randrange(names)}"},
            {"$ref": "#"},
        ]
        return dice.choice(leaves)
    inner = [_part(dice, names, depth - 1) for _ in range(2)]
    ways: list[dict[str, Any]] = [
        {"allOf": inner}, {"anyOf": inner}, {"oneOf": inner}, {"not": inner[0]},
        {"if": inner[0], "then": inner[1]}, {"if": inner[0], "else": inner[1]},
        {"properties": {"a": inner[0]}, "additionalProperties": inner[1]}, {"patternProperties": {"^a": inner[0]}},
        {"prefixItems": inner[:1], "items": inner[1]}, {"contains": inner[0], "items": inner[1]}, {"propertyNames": inner[0]},
        {"dependentSchemas": {"a": inner[0]}}, {"unevaluatedProperties": inner[0], "allOf": inner[1:]},
        {"unevaluatedItems": inner[0], "anyOf": inner[1:]},
    ]  # fmt: skip
    return dice.choice(ways)


def random_value(dice: random.Random, depth: int = 5) -> Any:
    """A value with objects of the names a and b, and lists."""
    if depth == 0:
        return dice.choice([1, "x", None])
    parts = [random_value(dice, depth - 1) for _ in range(dice.randrange(3))]
    return parts if dice.random() < 0.5 else dict(zip("ab", parts, strict=False))
