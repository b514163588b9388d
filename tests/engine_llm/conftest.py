"""A plugin of llm with models of the tests' own, registered with llm as any other one is."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import llm
import pytest
from llm.parts import StreamEvent
from llm.plugins import load_plugins, pm
from pydantic import Field

from aasim_core.secrets import Secret
from aasim_plugins.engine_llm.service import open_chat
from aasim_plugins.engines.chat import Chat, EngineConfig

Behaviour = Callable[[llm.Prompt, llm.Response], Iterator[Any]]


class Asked:
    """What the models were asked, and what they do next."""

    def __init__(self) -> None:
        self.prompts: list[llm.Prompt] = []
        self.keys: list[str | None] = []
        self.streams: list[bool] = []
        self.ended = Event()
        self.behaviour: Behaviour = lambda prompt, response: iter(["Hello", "!"])

    def note(self, prompt: llm.Prompt, stream: bool, response: llm.Response, key: str | None = None) -> Iterator[Any]:
        self.prompts.append(prompt)
        self.streams.append(stream)
        self.keys.append(key)
        try:
            yield from self.behaviour(prompt, response)
        finally:
            self.ended.set()

    def raises(self, error: BaseException) -> None:
        """Fail after a first piece."""

        def behave(prompt: llm.Prompt, response: llm.Response) -> Iterator[str]:
            yield "half"
            raise error

        self.behaviour = behave

    def drips(self) -> None:
        """Say something every now and then, forever."""

        def behave(prompt: llm.Prompt, response: llm.Response) -> Iterator[str]:
            while True:
                time.sleep(0.01)
                yield "more "

        self.behaviour = behave


class Able(llm.Model):
    """A model that can do everything, here on this machine."""

    model_id = "able"
    can_stream = supports_schema = supports_tools = True

    class Options(llm.Options):
        temperature: float | None = None
        max_tokens: int | None = None
        seed: int | None = None
        stop: str | None = None
        top_k: int | None = Field(default=None, ge=1)

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
    ) -> Iterator[str | StreamEvent]:
        return self._asked.note(prompt, stream, response)


class Plain(Able):
    """A model that writes text, and can do nothing else."""

    model_id = "plain"
    can_stream = supports_schema = supports_tools = supports_conversation = False

    class Options(llm.Options):
        pass


class Keyed(llm.KeyModel):
    """A model of a service that wants a key."""

    model_id = "keyed"
    needs_key = "keyed"
    key_env_var = "KEYED_API_KEY"

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None, key: str | None
    ) -> Iterator[str | StreamEvent]:
        return self._asked.note(prompt, stream, response, key)


class Plugin:
    """The plugin of llm."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    @llm.hookimpl
    def register_models(self, register: Callable[..., None]) -> None:
        register(Able(self._asked), aliases=("a",))
        register(Plain(self._asked))
        register(Keyed(self._asked))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Asked]:
    """The plugin is on, and the operator has stored nothing."""
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.delenv("KEYED_API_KEY", raising=False)
    load_plugins()
    asked = Asked()
    plugin = Plugin(asked)
    pm.register(plugin, "tests")
    yield asked
    pm.unregister(plugin)


@pytest.fixture
def open_model(asked: Asked) -> Callable[..., Chat]:
    """Opens a chat with one of the models."""

    def open_one(name: str, key: str | None = None) -> Chat:
        return open_chat(EngineConfig(model=name, api_key=Secret(key) if key else None))

    return open_one
