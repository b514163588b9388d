"""The plugin's section of the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class MarketplaceSettings:
    """What is asked of listings before other organizations see them."""

    review: bool = setting(False, "Whether whoever runs the installation approves listings before other organizations see them.")


def settings_of(app: "App") -> MarketplaceSettings:
    """The plugin's section of the settings."""
    return app.settings.section("marketplace", MarketplaceSettings)
