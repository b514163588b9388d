"""The section ``[engine_anthropic]`` of the settings."""

from dataclasses import dataclass

from aasim_core.settings import setting
from aasim_core.settings.checks import are_networks


@dataclass(frozen=True)
class AnthropicSettings:
    """Where engines that speak Anthropic's protocol may be."""

    allowed_networks: tuple[str, ...] = setting(
        (), "Private networks that such engines may be in, such as that of a gateway of your own.", check=are_networks
    )
