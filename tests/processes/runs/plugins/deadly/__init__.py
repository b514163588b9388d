"""An engine that takes its worker with it, or fails in a way that nobody foresaw, as the agent's parameters say."""

import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import Plugin, hookimpl

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_plugins.engines.hookspecs import EngineConfig, Message, Provider

plugin = Plugin("Deadly engine", "Kills the process that asks it.", requires=("engines",))


class DeadlyChat:
    """A chat that nobody survives."""

    def chat(self, messages: "Sequence[Message]", *, parameters: Any, **_: Any) -> Any:
        """Do what the parameter `deed` says."""
        if parameters.extra.get("deed") == "raise":
            raise ValueError("the engine's own bug")
        os.kill(os.getpid(), signal.SIGKILL)

    def close(self) -> None:
        """There is nothing to release."""


def open_chat(config: "EngineConfig") -> DeadlyChat:
    """A chat for any configuration."""
    return DeadlyChat()


@hookimpl
def engine_providers(app: "App") -> "Sequence[Provider]":
    """The one provider."""
    from aasim_plugins.engines.hookspecs import BuiltIn, Capabilities, Provider

    return [Provider("deadly", "Deadly", Capabilities(tools="none"), open=open_chat, built_in=BuiltIn("Deadly", "deadly", 1000))]
