"""Check that a dataclass's fields have their declared types."""

import builtins
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints


def flaw_of_fields(value: Any) -> str | None:
    """Return what is wrong with the first field whose type differs from the declared one, or None.

    The phrase begins with the field's name. Nested dataclasses are checked too. Types imported only for type checkers are not checked.
    """
    return flaw_of_values(type(value), {field.name: getattr(value, field.name) for field in fields(value)})


def flaw_of_values(kind: Any, values: Mapping[str, Any]) -> str | None:
    """Check these values of fields of the dataclass `kind`, by name."""
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
    """The names of a module; names that are missing at run time stand for any type."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


@cache
def _hints_of(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind, localns=_Names(vars(sys.modules[kind.__module__])))


def _written(annotation: Any) -> str:
    """Return the annotation as its author wrote it, without the modules of names."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", text).strip("\"'")
