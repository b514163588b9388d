"""The plugin's section of the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting
from aasim_core.settings.checks import between

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class MarketplaceSettings:
    """What is asked of listings before other organizations see them, and how long a purchase can be undone."""

    refund_hours: int = setting(
        72, "How long after a purchase its licence can be given back; 0 is never.", check=between(0, 8_760)
    )
    review: bool = setting(False, "Whether whoever runs the installation approves listings before other organizations see them.")


def settings_of(app: "App") -> MarketplaceSettings:
    """The plugin's section of the settings."""
    return app.settings.section("marketplace", MarketplaceSettings)
