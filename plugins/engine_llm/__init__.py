"""Engines of the models that Simon Willison's llm and its plugins provide."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..engines.hookspecs import Provider
    from .settings import LlmSettings

plugin = Plugin(
    title="Models of llm",
    summary="Runs agents on the models that plugins of the package llm bring, which is installed with the extra llm.",
    requires=("engines",),
)


@hookimpl
def config_schema() -> "type[LlmSettings]":
    """The section ``[engine_llm]``."""
    from .settings import LlmSettings

    return LlmSettings


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider of this plugin."""
    from .service import provider
    from .settings import LlmSettings

    return [provider(app.settings.section("engine_llm", LlmSettings))]
