"""Open chats with Anthropic's service; imports the SDK on first use."""

from functools import partial
from typing import TYPE_CHECKING

from ..engines.hookspecs import Capabilities, Chat, EngineConfig, Provider, closed_url, egress_of, missing, not_installed
from .settings import AnthropicSettings
from .wire import ANTHROPIC_URL, RESERVED

if TYPE_CHECKING:
    import httpcore2


def open_chat(config: EngineConfig, *, backend: "httpcore2.NetworkBackend | None" = None) -> Chat:
    """A chat with the model of `config`; raises `EngineError` where the SDK is not installed.

    `backend` makes the sockets; without it they go wherever the base URL says.
    """
    import httpcore2

    with not_installed("anthropic", extra="anthropic"):
        from .adapter import AnthropicChat

    return AnthropicChat(config, backend or httpcore2.SyncBackend())


def provider(settings: AnthropicSettings, *, with_loopback: bool = False) -> Provider:
    """The provider for Claude, on the internet, where the operator allows it, or `with_loopback` on this machine."""
    egress = egress_of(settings.allowed_networks, with_loopback=with_loopback)

    def open_guarded(config: EngineConfig) -> Chat:
        from aasim_core.outbound.egress import GuardedBackend

        return open_chat(config, backend=GuardedBackend(egress))

    return Provider(
        "anthropic",
        "Anthropic",
        Capabilities(),
        open=open_guarded,
        service_url=ANTHROPIC_URL,
        missing=partial(missing, "anthropic", extra="anthropic"),
        closed=lambda base_url: closed_url(egress, base_url, "engine_anthropic.allowed_networks"),
        reserved=RESERVED,
    )
