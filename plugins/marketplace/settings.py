"""The plugin's section of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting
from aasim_core.settings.checks import between

from .bundles.signing import is_key

if TYPE_CHECKING:
    from aasim_core.app import App


def _are_keys(keys: Mapping[str, str]) -> str | None:
    """The values are public keys that bundles are verified with."""
    wrong = [name for name, key in keys.items() if not is_key(key)]
    return f'write for {wrong[0]} what "aasim marketplace key" shows there, 43 characters in base64url' if wrong else None


@dataclass(frozen=True)
class MarketplaceSettings:
    """The requirements for listings, the accepted bundle keys, and the refund period."""

    refund_hours: int = setting(
        72, "How long after a purchase its licence can be given back; 0 is never.", check=between(0, 8_760)
    )
    review: bool = setting(False, "Whether the operator approves listings before other organizations see them.")
    try_max_cost: int = setting(
        1_000_000, "The most that a try of a listing may cost, in micro-units of its engine's currency.", check=between(0, 10**15)
    )
    try_max_tokens: int = setting(
        200_000, "The most tokens that a try of a listing may take, whatever they cost.", check=between(1, 10**12)
    )
    try_at_once: int = setting(3, "Tries that one person may have under way at the same time.", check=between(1, 1_000))
    try_per_day: int = setting(50, "Tries that one person may start within 24 hours.", check=between(1, 100_000))
    trusted_keys: Mapping[str, str] = setting(
        {}, "Whose bundles may be imported: a name for each other installation, and its public key.", check=_are_keys
    )


def settings_of(app: "App") -> MarketplaceSettings:
    """The plugin's section of the settings."""
    return app.settings.section("marketplace", MarketplaceSettings)
