"""The plugin's section of the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting
from aasim_core.settings.checks import between

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class JobFlowSettings:
    """How often job flows may start something."""

    min_interval_seconds: int = setting(
        60, "The shortest time between two due times that a new or changed job flow may have.", check=between(1, 86_400)
    )
    waiting_limit: int = setting(
        10_000,
        "How many starts by events and requests of an organization wait at most; further requests are refused with 429.",
        check=between(1, 1_000_000),
    )
    caused_limit: int = setting(
        100,
        "How many starts by events and requests one event or request may lead to; what leads to itself ends there.",
        check=between(1, 1_000_000),
    )


def settings_of(app: "App") -> JobFlowSettings:
    """The plugin's section of the settings."""
    return app.settings.section("job_flows", JobFlowSettings)
