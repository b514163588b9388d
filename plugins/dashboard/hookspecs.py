"""The hook of the plugin dashboard for cards, each with a few key figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pluggy

from aasim_core import PartShape, Refused

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

hookspec = pluggy.HookspecMarker("aasim")


@dataclass(frozen=True)
class Figure:
    """One number; None if there is no basis for it. The `link` leads to the list that it counts, or to details.

    `is_at_least` means that the count was cut off at this number.
    """

    value: float | None
    is_at_least: bool = False
    link: str | None = None


class Viewer(Protocol):
    """The viewer of the dashboard, as cards see them."""

    @property
    def app(self) -> App:
        """The app of the process."""

    @property
    def principal(self) -> Principal:
        """The viewer's principal."""

    @property
    def moment(self) -> datetime:
        """The time of the request."""

    @property
    def today(self) -> datetime:
        """When the day began, in the requested time zone, by default the organization's."""

    @property
    def week(self) -> datetime:
        """When the seventh day before today began."""

    def count(self, path: str, **filters: str) -> Figure:
        """Return how many items the list at `path` has for the viewer, such as ``count("/executions", status="running")``.

        Refused where they may not list them; the card is then omitted.
        """

    def within(self, permission: str, model: type, node_field: str) -> list[Any]:
        """Return the restriction of the card's own query to the viewer's reach: expressions for ``where``; `node_field` names the column
        with the node."""


#: A card's figures, by name.
Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Card:
    """A few numbers about one subject, for viewers with access to it.

    `figures` returns them, or None where the card is not for the viewer; it only reads. Each of its statements may take 200 ms, after which
    the card reports a timeout; a failing card does not affect the others. `by_project` returns the same for each project, for the tree of
    an organization: additive numbers, by the project's id, None for everything without a project.
    """

    foreseen: ClassVar = (Refused,)
    shown: ClassVar = PartShape(title="title")

    name: str
    title: str
    figures: Callable[[Viewer], Figures | None]
    by_project: Callable[[Viewer], Mapping[str | None, Mapping[str, int]]] | None = None


@hookspec
def dashboard_cards(app: App) -> Sequence[Card]:
    """Return the plugin's cards for the dashboard.

    Use `Viewer.count` for numbers of objects, so that they agree with the linked list. The shortest example is the
    plugin `hitl_approvals`::

        @hookimpl(optionalhook=True)
        def dashboard_cards(app):
            return [Card("my_approvals", "My approvals", lambda viewer: {"pending": viewer.count("/hitl-approvals/pending")})]
    """
    raise AssertionError("a hook specification is never called")
