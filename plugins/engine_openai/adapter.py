"""The chat with a server of the OpenAI protocol, by the official SDK."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from aasim_core.outbound.deadlines import Patience
from aasim_core.outbound.sdk_transport import PatientTransport

from ..engines.hookspecs import (
    DEFAULTS,
    EngineConfig,
    EngineError,
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
from .wire import OPENAI_URL, Gathering, request_for


class OpenAIChat:
    """A chat with one model of one server; `backend` makes the sockets, and decides which addresses may be reached."""

    def __init__(self, config: EngineConfig, backend: httpcore2.NetworkBackend, peer: str | None = None) -> None:
        self._model = config.model
        self._base_url = config.base_url or OPENAI_URL
        self._service = Service(
            peer or urlsplit(self._base_url).netloc.rpartition("@")[2], "the OpenAI protocol", "engine_openai.allowed_networks"
        )
        self._patience = Patience()
        self._client = _client(self._base_url, PatientTransport(self._patience, backend, config.api_key))

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
        if not messages:
            raise EngineError("invalid_request", "there is no message to answer")
        request = request_for(self._model, self._base_url, messages, tools=tools, schema=schema, parameters=parameters)
        gathering = Gathering(self._model)
        self._patience.begin(parameters.timeout_seconds, should_cancel)
        return gathered(gathering, self._stream(request), messages, patience=self._patience, on_token=on_token)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @contextmanager
    def _stream(self, request: Mapping[str, Any]) -> Iterator[Iterable[ChatCompletionChunk]]:
        errors = engine_errors(self._service, openai.OpenAIError, partial(answered, service=self._service))
        with errors, self._client.chat.completions.create(**request) as stream:
            yield stream


def _client(base_url: str, transport: PatientTransport) -> openai.OpenAI:
    return openai.OpenAI(
        # What is not given here, the SDK takes from the environment. The key itself is sent by the transport.
        api_key="sent-by-the-transport",
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=base_url,
        max_retries=0,
        timeout=None,
        http_client=httpx2.Client(transport=transport, trust_env=False),
    )
