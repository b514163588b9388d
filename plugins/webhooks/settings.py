"""The plugin's section of the settings."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aasim_core.settings import setting
from aasim_core.settings.checks import are_networks, between

if TYPE_CHECKING:
    from aasim_core.app import App


@dataclass(frozen=True)
class WebhookSettings:
    """Where webhooks may be, how many, and how long their deliveries are known."""

    allowed_networks: tuple[str, ...] = setting(
        (), "Private networks that webhooks may be in, such as that of a service of your own.", check=are_networks
    )
    webhook_limit: int = setting(
        100, "Webhooks that one organization may have; more are refused with too_many_webhooks.", check=between(1, 10_000)
    )
    hold_days: int = setting(30, "How long it is held what happens while a webhook is disabled.", check=between(1, 365))
    hold_max: int = setting(
        100_000, "How many events are held for a webhook; the oldest are dropped.", check=between(1, 10_000_000)
    )
    delivery_days: int = setting(30, "Retention of webhook deliveries.", check=between(7, 3650))


def settings_of(app: "App") -> WebhookSettings:
    """The plugin's section of the settings."""
    return app.settings.section("webhooks", WebhookSettings)
