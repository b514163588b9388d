"""Whether the fields of a dataclass have the types that it declares."""

import builtins
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints


def flaw_of_fields(value: Any) -> str | None:
    """What is wrong with the first field of the dataclass that has another type than declared, or None.

    The phrase begins with the field's name. Dataclasses in fields are checked too. What is imported for type checkers only is taken for
    granted.
    """
    return flaw_of_values(type(value), {field.name: getattr(value, field.name) for field in fields(value)})


def flaw_of_values(kind: Any, values: Mapping[str, Any]) -> str | None:
    """The same for these values of fields of the dataclass `kind`, by name."""
    from typeguard import CollectionCheckStrategy, TypeCheckError, check_type  # 40 ms, for plugins of others only

    hints = _hints_of(kind)
    for field in (field for field in fields(kind) if field.name in values):
        held = values[field.name]
        try:
            check_type(held, hints[field.name], collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
        except TypeCheckError as error:
            return f"{field.name} must be {_written(field.type)}: {' '.join(str(error).split())}"
        inner = flaw_of_fields(held) if is_dataclass(held) and not isinstance(held, type) else None
        if inner:
            return f"{field.name}.{inner}"
    return None


class _Names(dict[str, Any]):
    """The names of a module; one that it does not have when it runs stands for any type."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


@cache
def _hints_of(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind, localns=_Names(vars(sys.modules[kind.__module__])))


def _written(annotation: Any) -> str:
    """The annotation as its author wrote it, without the modules of names."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text).strip("\"'")
