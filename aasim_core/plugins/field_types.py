"""Check that a dataclass's fields have their declared types."""

import builtins
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints


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
            told = _flaw_of_function(hints[field.name], held) or " ".join(str(error).split())
            return f"{field.name} must be {_written(field.type)}: {told}"
        inner = flaw_of_fields(held) if is_dataclass(held) and not isinstance(held, type) else None
        if inner:
            return f"{field.name}.{inner}"
    return None


def answer_of(kind: Any, name: str) -> Any | None:
    """Return the type that the function in the field of that name returns; None where it is not known at run time, or may be any."""
    hint = _hints_of(kind)[name]
    declared = next((get_args(one) for one in (hint, *get_args(hint)) if get_origin(one) is Callable), ())
    return None if not declared or declared[-1] in (Any, object) else declared[-1]


def flaw_of_answer(answer: Any, value: Any) -> str | None:
    """Return what is wrong with a value that a function returned, whose declared type is `answer`, or None."""
    from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

    try:
        check_type(value, answer, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    except TypeCheckError as error:
        return " ".join(str(error).split())
    return None


def _flaw_of_function(hint: Any, held: Any) -> str | None:
    """Return how many arguments the function is called with, and how it is written; None for anything else."""
    wanted = next((get_args(one) for one in (hint, *get_args(hint)) if get_origin(one) is Callable), ())
    if not wanted or not isinstance(wanted[0], list) or not callable(held):
        return None
    try:
        parameters = inspect.signature(held).parameters
    except (TypeError, ValueError):
        return None
    count = len(wanted[0])
    called = f"called with {count} argument{'' if count == 1 else 's'}"
    return f"it is {called}, and written {getattr(held, '__name__', type(held).__name__)}({', '.join(parameters)})"


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
