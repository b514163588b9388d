"""What the feature metrics offers to other plugins: gauges, numbers about the whole installation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pluggy

from aasim_core import PartShape

if TYPE_CHECKING:
    from aasim_core.app import App

hookspec = pluggy.HookspecMarker("aasim")

#: The values of the labels, in their order, and the number.
Sample = tuple[Sequence[str], float]


@dataclass(frozen=True)
class Gauge:
    """A number that goes up and down, or several, one for each combination of the values of its `labels`.

    `name` begins with ``aasim_`` and ends with its unit, if it has one (https://prometheus.io/docs/practices/naming/). `read` is asked at
    each scrape, in the scope of all organizations, and tells of no single one of them; it only reads, and no statement of it may take
    longer than a second.
    """

    foreseen: ClassVar = ()
    shown: ClassVar = PartShape(summary="help", facts=("labels",))

    name: str
    help: str
    read: Callable[[App], Iterable[Sample]]
    labels: Sequence[str] = ()


@hookspec
def gauges(app: App) -> Sequence[Gauge]:
    """Return what Prometheus is told of the plugin, by its own gauges.

    A gauge that fails is left out, and counted in ``aasim_failed_gauges``. The shortest example is the plugin `webhooks`.
    """
    raise AssertionError("a hook specification is never called")
