"""Engines of the OpenAI chat protocol: OpenAI itself, Ollama, vLLM, LM Studio, llama-server, OpenRouter and many more."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App

    from ..engines.hookspecs import Provider
    from .settings import OpenAISettings

plugin = Plugin(
    title="OpenAI-compatible engines",
    summary="Runs agents on any service that speaks the OpenAI chat protocol, given its base URL.",
    requires=("engines",),
)


@hookimpl
def config_schema() -> "type[OpenAISettings]":
    """The section ``[engine_openai]``."""
    from .settings import OpenAISettings

    return OpenAISettings


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider of this plugin."""
    from .service import provider
    from .settings import OpenAISettings

    own = app.settings.section("engine_openai", OpenAISettings)
    return [provider(own, with_loopback=app.settings.is_for_this_machine_only)]
