"""Check that this machine's clock agrees with the database's, which decides what is due."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import Check
from aasim_core.clock import now
from aasim_core.plugins.checks import Unwell

if TYPE_CHECKING:
    from aasim_core.app import App

_MOST_MS = 2_000


def checks(app: "App") -> Sequence[Check]:
    """The check that ``/health/deep`` makes."""

    def ask() -> Mapping[str, Any]:
        skew = round((now() - app.database.time()).total_seconds() * 1000)
        if abs(skew) > _MOST_MS:
            raise Unwell(
                "The clock of this machine and that of the database differ by more than 2 seconds; set them.", skew_ms=skew
            )
        return {"skew_ms": skew}

    return (Check("clock_of_database", ask),)
