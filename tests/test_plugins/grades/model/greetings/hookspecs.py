"""What the plugin offers to others: ways to greet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from aasim_core import PartShape

if TYPE_CHECKING:
    from aasim_core import App

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Greeter:
    """A way to greet: `parameters` is the JSON Schema of what it takes."""

    shown: ClassVar = PartShape(title="title", schemas=("parameters",))

    name: str
    title: str
    parameters: Mapping[str, Any]
    greet: Callable[[str], str]


@hookspec
def greeters(app: App) -> Sequence[Greeter]:
    """Return the ways to greet that the plugin brings."""
    raise AssertionError("a hook specification is never called")
