"""Open chats with servers of the OpenAI protocol; imports the SDK on first use."""

from typing import TYPE_CHECKING

from ..engines.hookspecs import Capabilities, Chat, EngineConfig, Provider, closed_url, egress_of
from .settings import OpenAISettings
from .wire import OPENAI_URL, RESERVED

if TYPE_CHECKING:
    import httpcore2

__all__ = ["RESERVED", "open_chat", "provider"]


def open_chat(config: EngineConfig, *, backend: "httpcore2.NetworkBackend | None" = None, peer: str | None = None) -> Chat:
    """A chat with the model of `config`.

    `backend` makes the sockets; without it they go wherever the base URL says. Errors call the server `peer`, or by its address.
    """
    import httpcore2

    from .adapter import OpenAIChat

    return OpenAIChat(config, backend or httpcore2.SyncBackend(), peer)


def provider(settings: OpenAISettings, *, with_loopback: bool = False) -> Provider:
    """The provider for all that speaks the OpenAI protocol: on the internet, where the operator allows it, or `with_loopback` here."""
    egress = egress_of(settings.allowed_networks, with_loopback=with_loopback)

    def open_guarded(config: EngineConfig) -> Chat:
        from aasim_core.outbound.egress import GuardedBackend

        return open_chat(config, backend=GuardedBackend(egress))

    return Provider(
        "openai_compatible",
        "OpenAI-compatible service",
        Capabilities(),
        open=open_guarded,
        service_url=OPENAI_URL,
        closed=lambda base_url: closed_url(egress, base_url, "engine_openai.allowed_networks"),
        reserved=RESERVED,
    )
