"""The chat with a server of Anthropic's Messages protocol, by the official SDK."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpcore2
import httpx2
from anthropic.types import RawMessageStreamEvent

from aasim_core.outbound.deadlines import Patience
from aasim_core.outbound.sdk_transport import PatientTransport

from ..engines.hookspecs import (
    DEFAULTS,
    EngineConfig,
    Message,
    OnToken,
    Parameters,
    Reply,
    Service,
    ShouldCancel,
    ToolSpec,
    engine_errors,
    gathered,
    ignore_token,
    never_cancel,
)
from .failures import answered
from .gathering import Gathering
from .wire import ANTHROPIC_URL, API_VERSION, request_for


class AnthropicChat:
    """A chat with one model of one server; `backend` makes the sockets, and decides which addresses may be reached."""

    def __init__(self, config: EngineConfig, backend: httpcore2.NetworkBackend) -> None:
        self._model = config.model
        base_url = config.base_url or ANTHROPIC_URL
        peer = urlsplit(base_url).netloc.rpartition("@")[2]
        self._service = Service(peer, "Anthropic's protocol", "engine_anthropic.allowed_networks")
        self._patience = Patience()
        own = {"anthropic-version": API_VERSION}
        transport = PatientTransport(self._patience, backend, config.api_key, own, key_header="x-api-key")
        self._client = _client(base_url, transport)

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Mapping[str, Any] | None = None,
        parameters: Parameters = DEFAULTS,
        on_token: OnToken = ignore_token,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Reply:
        """Ask the server for the next turn; see `Chat.chat`."""
        request = request_for(self._model, messages, tools=tools, schema=schema, parameters=parameters)
        gathering = Gathering(self._model)
        self._patience.begin(parameters.timeout_seconds, should_cancel)
        return gathered(gathering, self._stream(request), messages, patience=self._patience, on_token=on_token)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @contextmanager
    def _stream(self, request: Mapping[str, Any]) -> Iterator[Iterable[RawMessageStreamEvent]]:
        errors = engine_errors(self._service, anthropic.AnthropicError, partial(answered, service=self._service))
        with errors, _unwrapped(), self._client.messages.create(**request) as stream:
            yield stream


@contextmanager
def _unwrapped() -> Iterator[None]:
    """The SDK wraps whatever the transport raises, an end that was asked for among it; what it wrapped is what counts."""
    try:
        yield
    except anthropic.APIConnectionError as error:
        raise error.__cause__ or error from None


def _client(base_url: str, transport: PatientTransport) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        # What is not given here, the SDK takes from the environment. The key itself is sent by the transport.
        api_key="sent-by-the-transport",
        webhook_key="",
        base_url=base_url,
        max_retries=0,
        timeout=None,
        open_telemetry=False,
        http_client=httpx2.Client(transport=transport, trust_env=False),
    )
