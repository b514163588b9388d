"""The section ``[engine_openai]`` of the settings."""

from dataclasses import dataclass

from aasim_core.settings import setting
from aasim_core.settings.checks import are_networks


@dataclass(frozen=True)
class OpenAISettings:
    """Where engines may be."""

    allowed_networks: tuple[str, ...] = setting(
        (), "Private networks that engines may be in, such as that of a model server of your own.", check=are_networks
    )
