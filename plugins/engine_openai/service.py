"""Opening chats with servers that speak the OpenAI protocol; loads the SDK only then."""

from typing import TYPE_CHECKING

from ..engines.hookspecs import Capabilities, Chat, EngineConfig, Provider
from .settings import OpenAISettings
from .wire import OPENAI_URL

if TYPE_CHECKING:
    import httpcore2


def open_chat(config: EngineConfig, *, backend: "httpcore2.NetworkBackend | None" = None, peer: str | None = None) -> Chat:
    """A chat with the model of `config`.

    `backend` makes the sockets; without it they go wherever the base URL says. Errors call the server `peer`, or by its address.
    """
    import httpcore2

    from .adapter import OpenAIChat

    return OpenAIChat(config, backend or httpcore2.SyncBackend(), peer)


def provider(settings: OpenAISettings) -> Provider:
    """The provider for everything that speaks the OpenAI protocol, on the internet or where the operator allows it."""

    def open_guarded(config: EngineConfig) -> Chat:
        from aasim_core.outbound.egress import Egress, GuardedBackend

        return open_chat(config, backend=GuardedBackend(Egress(settings.allowed_networks)))

    return Provider("openai_compatible", "OpenAI-compatible service", Capabilities(), open=open_guarded, service_url=OPENAI_URL)
