"""The fields of a settings section: typed, with a default, a line of help and a check."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

Check = Callable[[Any], str | None]


class Unfit(ValueError):
    """A value has the wrong type; the text says what to write."""


def setting(default: Any, help: str, *, check: Check | None = None, secret: bool = False) -> Any:  # noqa: A002
    """Declare one setting of a section, which is a frozen dataclass.

    The annotation is the type: bool, int, float, str, Path, a Literal, tuple[…, ...], Mapping[str, …] or one of these or None.
    `default` and whatever the operator writes may contain ``{data_dir}``. `help` is one line for the operator.
    `check` takes the value and returns what to write instead (``"write a number from 1 to 64"``), or None.
    A `secret` is never shown. A section may have a method ``faults()``: sentences about values that exclude each other.
    """
    metadata = {"help": help, "check": check, "secret": secret}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: MappingProxyType(dict(default)), repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


def default_of(declared: Field[Any]) -> Any:
    """The default of a field made by `setting`."""
    return declared.default if declared.default_factory is MISSING else declared.default_factory()


def converted(value: Any, kind: Any) -> Any:
    """Convert `value`, as TOML holds it, to the type `kind`; raises `Unfit`.

    Only integers are converted to floats, and strings to paths.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _optional(value, arguments)
    if origin is Literal:
        return _choice(value, arguments)
    if origin is tuple:
        return _list(value, arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _table(value, arguments[1])
    return value if kind is Any else _scalar(value, kind)


def takes_text(kind: Any) -> bool:
    """Return whether values of the type `kind` are strings, so that ``12345`` in the environment stays a string."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(takes_text(argument) for argument in arguments)
    return kind in (str, Path) or (origin is Literal and all(isinstance(choice, str) for choice in arguments))


def _optional(value: Any, arguments: tuple[Any, ...]) -> Any:
    # TOML has no null: an empty string stands for "not set".
    kind = next(argument for argument in arguments if argument is not NoneType)
    return None if value in ("", None) else converted(value, kind)


def _choice(value: Any, choices: tuple[Any, ...]) -> Any:
    if value not in choices:
        raise Unfit("write one of " + ", ".join(f'"{choice}"' for choice in choices))
    return value


def _list(value: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Unfit('write a list, such as ["one", "two"]')
    return tuple(converted(item, kind) for item in value)


def _table(value: Any, kind: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unfit('write a table, such as {name = "value"}')
    return MappingProxyType({key: converted(item, kind) for key, item in value.items()})


def _scalar(value: Any, kind: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    if type(value) is not kind:
        raise Unfit(_WRITE.get(kind, f"write a {getattr(kind, '__name__', kind)}"))
    return value


_WRITE = {
    bool: "write true or false",
    int: "write a whole number",
    float: "write a number",
    str: 'write a text in quotes, such as "example"',
    Path: 'write a path in quotes, such as "/srv/aasim"',
}
