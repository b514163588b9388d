"""The chat with a model of llm, by the package's Python interface."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from threading import Lock
from typing import Any

import llm
from llm.plugins import load_plugins

from aasim_core.outbound.deadlines import Patience

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
    ignore_token,
    never_cancel,
)
from .failures import meant
from .reading import Failed, pieces
from .wire import instructions_of, options_for, reply_of, schema_for, turns_of

_LOADING = Lock()


class LlmChat:
    """A chat with one model; where it goes, and which key it takes where the engine has none, is llm's matter."""

    def __init__(self, config: EngineConfig) -> None:
        self._name = config.model
        self._key = config.api_key
        self._service = Service(f"the model {config.model}", "llm's interface", "engine_llm.models")

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
        """Ask the model for the next turn; see `Chat.chat`."""
        if not any(message.role != "system" for message in messages):
            raise EngineError("invalid_request", "there is no message to answer")
        responses: list[llm.Response] = []

        def generate() -> Generator[str]:
            # Finding the model is a part of what is waited for: some plugins ask a server which ones there are.
            responses.append(self._response(messages, tools, schema, parameters))
            yield from responses[0]

        patience = Patience()
        patience.begin(parameters.timeout_seconds, should_cancel)
        with closing(self._texts(generate, patience)) as texts:
            said = []
            for text in texts:
                said.append(text)
                on_token(text)
        return reply_of(responses[0], "".join(said), messages)

    def close(self) -> None:
        """There is nothing to release."""

    def _texts(self, generate: Any, patience: Patience) -> Generator[str]:
        with engine_errors(self._service, Failed, partial(meant, service=self._service)):
            yield from pieces(generate, patience)

    def _response(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], schema: Mapping[str, Any] | None, parameters: Parameters
    ) -> llm.Response:
        # The first call loads llm's plugins; another one at that moment would find only some of them.
        with _LOADING:
            load_plugins()
        model = llm.get_model(self._name)
        if tools and not model.supports_tools:
            message = f"{self._service.peer} calls no tools by itself; set the engine's capabilities.tools to emulated"
            raise EngineError("invalid_request", message)
        bound, instruction = schema_for(model, schema)
        # Plugins that know single turns only look at these two; of a prompt, llm makes the last turn.
        system, prompt = instructions_of([*messages, *instruction]), messages[-1].content if messages[-1].role == "user" else ""
        return model.prompt(
            prompt or None,
            messages=turns_of(system, messages[:-1] if prompt else messages),
            system=system or None,
            stream=model.can_stream,
            schema=bound,
            tools=[llm.Tool(tool.name, tool.description, dict(tool.parameters)) for tool in tools] or None,
            options=options_for(model, parameters),
            key=self._own_key(),
        )

    def _own_key(self) -> str | None:
        """The engine's key; llm would take the name of a key that the operator has stored for that very key."""
        if self._key is None:
            return None
        key = self._key.reveal()
        if llm.get_key(key) != key:
            raise EngineError("auth", "the API key of the engine is the name of one; write the key itself")
        return key
