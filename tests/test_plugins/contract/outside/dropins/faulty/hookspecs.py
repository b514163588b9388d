"""Hooks that the plugin offers, and whose answers it uses everywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pluggy

from aasim_core.app import App

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Wish:
    """Something to say."""

    name: str
    say: Callable[[], str]


@dataclass(frozen=True)
class Regret:
    """Something that nobody tries."""

    name: str


@hookspec
def wishes(app: App) -> Sequence[Wish]:
    """Return wishes."""


@hookspec
def regrets(app: App) -> Sequence[Regret]:
    """Return regrets."""
