"""Open chats with models of llm; imports the package on first use."""

from functools import partial

from ..engines.hookspecs import Capabilities, Chat, EngineConfig, EngineError, Provider, missing, not_installed
from .settings import LlmSettings

#: For every model: the schema is an instruction where it cannot be enforced, and tools are emulated.
_CAPABILITIES = Capabilities(streaming=True, tools="emulated", json_schema=True, judge=False)


def provider(settings: LlmSettings) -> Provider:
    """The provider of the models that the operator has chosen."""

    def open_chosen(config: EngineConfig) -> Chat:
        if not {config.model, "*"} & set(settings.models):
            raise EngineError("invalid_request", f"the operator has not chosen {config.model} in engine_llm.models")
        return open_chat(config)

    needed = partial(missing, "llm", extra="llm")
    return Provider("llm_bridge", "Models of llm", _CAPABILITIES, open=open_chosen, addressable=False, missing=needed)


def open_chat(config: EngineConfig) -> Chat:
    """A chat with the model of `config`; raises `EngineError` where llm is not installed."""
    with not_installed("llm", extra="llm"):
        from .adapter import LlmChat

    return LlmChat(config)
