"""The rating of listings, as responses show it."""

from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core.lists.render_plan import Derived

from .writing import ratings


class _Rating(Derived):
    """What buyers say of each of the listings."""

    def __init__(self) -> None:
        super().__init__(("id",), lambda row: ratings([row["id"]]).get(row["id"]))

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        found = ratings(held["id"])
        return [found.get(each) for each in held["id"]]


#: What answers have of listings that no column holds.
SHOWN_TOO: Mapping[str, Derived] = {"rating": _Rating()}
