"""What the feature dashboard offers to other plugins: cards, each with a few numbers that one looks at first."""

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
    """One number: None where there is nothing to tell it from. At the `link` is the list that it counts, or more about it.

    `is_at_least` says that there are more than were counted.
    """

    value: float | None
    is_at_least: bool = False
    link: str | None = None


class Viewer(Protocol):
    """Whoever looks at the dashboard, as cards see them."""

    @property
    def app(self) -> App:
        """The app of the process."""

    @property
    def principal(self) -> Principal:
        """Who it is."""

    @property
    def moment(self) -> datetime:
        """The time of the request."""

    @property
    def today(self) -> datetime:
        """When the day began, in the time zone that was asked for, or else in that of the organization."""

    @property
    def week(self) -> datetime:
        """When the seventh day before today began."""

    def count(self, path: str, **filters: str) -> Figure:
        """How many items the list at `path` has for them, such as ``count("/executions", status="running")``.

        Refused where they may not list them; the card is left out then.
        """

    def within(self, permission: str, model: type, node_field: str) -> list[Any]:
        """What restricts a query of the card's own to what their rights reach: expressions for ``where``; `node_field` names the place."""


#: What a card shows, by name.
Figures = Mapping[str, Figure]


@dataclass(frozen=True)
class Card:
    """Some numbers about one thing, for whoever may see them.

    `figures` tells them, or None where the card is not for the viewer; it only reads. A statement of it may take 200 ms, after which the
    card says that it took too long; one that fails harms no other card. `by_project` tells the same of each project, for the tree of an
    organization: numbers that can be added up, by the project's id, None for what belongs to no project.
    """

    foreseen: ClassVar = (Refused,)
    shown: ClassVar = PartShape(title="title")

    name: str
    title: str
    figures: Callable[[Viewer], Figures | None]
    by_project: Callable[[Viewer], Mapping[str | None, Mapping[str, int]]] | None = None


@hookspec
def dashboard_cards(app: App) -> Sequence[Card]:
    """Return the cards that the plugin brings to the dashboard.

    A number that counts objects is best told by `Viewer.count`: so it is what the list behind its link says. The shortest example is the
    plugin `hitl_approvals`::

        @hookimpl(optionalhook=True)
        def dashboard_cards(app):
            return [Card("my_approvals", "My approvals", lambda viewer: {"pending": viewer.count("/hitl-approvals/pending")})]
    """
    raise AssertionError("a hook specification is never called")
