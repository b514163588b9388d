"""The texts in a JSON value, each with its path."""

from collections.abc import Iterator, Mapping
from typing import Any


def texts_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each text in the value, the names of fields too, as ``(path, text)``: ``agent.tools[0].arguments.url``."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            below = f"{path}.{name}" if path else name
            yield below, name
            yield from texts_in(inner, below)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from texts_in(inner, f"{path}[{number}]")
