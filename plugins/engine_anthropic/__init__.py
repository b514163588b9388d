"""Engines of Claude, and of other servers with Anthropic's Messages protocol."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..engines.hookspecs import Provider
    from .settings import AnthropicSettings

plugin = Plugin(
    title="Anthropic engines",
    summary="Runs agents on Claude by Anthropic's own SDK, which is installed with the extra anthropic.",
    requires=("engines",),
)


@hookimpl
def config_schema() -> "type[AnthropicSettings]":
    """The section ``[engine_anthropic]``."""
    from .settings import AnthropicSettings

    return AnthropicSettings


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider of this plugin."""
    from .service import provider
    from .settings import AnthropicSettings

    own = app.settings.section("engine_anthropic", AnthropicSettings)
    return [provider(own, with_loopback=app.settings.is_for_this_machine_only)]
