"""Parts: the objects that plugins return for the hooks of other plugins, as people and programs see them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from ..plugins.declarations import Declarations, Offer


@dataclass(frozen=True)
class PartShape:
    """How the parts of one kind are shown: the class attribute ``shown`` of the dataclass that their hook returns.

    `title` and `summary` are the fields that hold a part's title and its sentence for people; without them, the title is the name.
    `schemas` are the fields that each hold a JSON Schema or None, and `schemas_by_name` those that each hold several, by name. `facts`
    are other fields that people choose by: values that JSON has, or dataclasses of these. Nothing else of a part is shown.
    """

    title: str = ""
    summary: str = ""
    schemas: Sequence[str] = ()
    schemas_by_name: Sequence[str] = ()
    facts: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """One part: `kind` is the hook that it is for, and `schemas` are by what they describe, such as ``credentials.api_key``."""

    kind: str
    name: str
    plugin: str
    title: str
    summary: str = ""
    schemas: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


_WITHOUT = PartShape()


def parts_of(declared: Declarations) -> list[Part]:
    """What one plugin brings for the hooks of others, in the order in which it returns them."""
    return [_part(declared.owner, offer) for offer in declared.offers]


def fields_of(shape: PartShape) -> Iterator[str]:
    """The fields that a shape names."""
    yield from filter(None, (shape.title, shape.summary, *shape.schemas, *shape.schemas_by_name, *shape.facts))


def shape_of(kind: type[Any]) -> PartShape:
    """How parts of this dataclass are shown: by name only where it does not say."""
    shape: PartShape = getattr(kind, "shown", _WITHOUT)
    return shape


def _part(plugin: str, offer: Offer) -> Part:
    shape, value = shape_of(type(offer.value)), offer.value
    title = getattr(value, shape.title) if shape.title else offer.name
    summary = getattr(value, shape.summary) if shape.summary else ""
    facts = {name: _plain(getattr(value, name)) for name in shape.facts}
    return Part(offer.hook, offer.name, plugin, title, summary, dict(_schemas(shape, value)), facts)


def _schemas(shape: PartShape, value: Any) -> Iterator[tuple[str, Any]]:
    for name in shape.schemas:
        if (schema := getattr(value, name)) is not None:
            yield name, schema
    for name in shape.schemas_by_name:
        for key, schema in getattr(value, name).items():
            yield f"{name}.{key}", schema


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return sorted(value) if isinstance(value, frozenset | set) else value
