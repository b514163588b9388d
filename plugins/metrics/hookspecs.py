"""The hook of the plugin metrics for gauges: numbers about the whole installation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pluggy

from aasim_core import PartShape

if TYPE_CHECKING:
    from aasim_core.app import App

hookspec = pluggy.HookspecMarker("aasim")

#: The values of the labels, in order, and the number.
Sample = tuple[Sequence[str], float]


@dataclass(frozen=True)
class Gauge:
    """A number that goes up and down, or one per combination of its `labels`' values.

    `name` begins with ``aasim_`` and ends with its unit, if it has one (https://prometheus.io/docs/practices/naming/). `read` is called on
    each scrape, in the scope of all organizations, and must not reveal data of a single one. It only reads, and each statement may take at
    most a second.
    """

    foreseen: ClassVar = ()
    shown: ClassVar = PartShape(summary="help", facts=("labels",))

    name: str
    help: str
    read: Callable[[App], Iterable[Sample]]
    labels: Sequence[str] = ()


@hookspec
def gauges(app: App) -> Sequence[Gauge]:
    """Return the plugin's gauges for Prometheus.

    A failing gauge is omitted, and counted in ``aasim_failed_gauges``. The shortest example is the plugin `webhooks`.
    """
    raise AssertionError("a hook specification is never called")
