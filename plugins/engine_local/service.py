"""The provider of the embedded model."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aasim_core import Kept
from aasim_core.errors import StartupError

from ..engine_openai.service import RESERVED, open_chat
from ..engines.hookspecs import (
    DEFAULTS,
    BuiltIn,
    Capabilities,
    Chat,
    EngineConfig,
    EngineError,
    Message,
    OnToken,
    Parameters,
    Partial,
    Progress,
    Provider,
    Reply,
    ShouldCancel,
    ToolSpec,
    ignore_token,
    keeping,
    never_cancel,
)
from .fetch import FILE_NAME, fetch
from .settings import LocalSettings
from .supervise import Endpoint, Supervisor

if TYPE_CHECKING:
    from aasim_core.app import App

_CPU_INFO = Path("/proc/cpuinfo")


class LocalChat:
    """A chat with the embedded model, through whichever engine host runs at the moment."""

    def __init__(self, settings: LocalSettings, supervisor: Supervisor) -> None:
        self._settings = settings
        self._supervisor = supervisor
        self._endpoint: Endpoint | None = None
        self._inner: Chat | None = None

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
        require_processor()
        with keeping(lambda: Partial(sent=False)):
            endpoint = self._supervisor.endpoint(should_cancel)
        turns = folded(messages) if self._settings.fold_system_prompt else messages
        try:
            return self._to(endpoint).chat(
                turns, tools=tools, schema=schema, parameters=parameters, on_token=on_token, should_cancel=should_cancel
            )
        except EngineError as error:
            if error.code in ("unavailable", "timeout"):
                self._supervisor.suspect(endpoint)
            raise

    def close(self) -> None:
        """Close the connection to the host, which keeps serving others."""
        if self._inner is not None:
            self._inner.close()
            self._inner = None

    def _to(self, endpoint: Endpoint) -> Chat:
        if self._inner is None or endpoint != self._endpoint:
            self.close()
            config = EngineConfig(self._settings.model_name, endpoint.url, endpoint.key, self._settings.context_tokens)
            self._endpoint, self._inner = endpoint, open_chat(config, peer="the engine host")
        return self._inner


#: Who finds or starts the engine host for this process.
SUPERVISOR = Kept(lambda app: Supervisor(settings_of(app), app.settings.data_dir))


def settings_of(app: "App") -> LocalSettings:
    """The section ``[engine_local]``."""
    return app.settings.section("engine_local", LocalSettings)


def provider(app: "App") -> Provider:
    """The provider of the embedded model, the default engine of every organization."""
    settings = settings_of(app)
    return Provider(
        name="local",
        title="Embedded model",
        # Measured: the default model judges and classifies by chance, and cannot call tools of itself.
        capabilities=Capabilities(streaming=True, tools="emulated", json_schema=True, judge=False),
        open=lambda _config: LocalChat(settings, app.stash.of(SUPERVISOR)),
        prepare=lambda progress: prepare(settings, progress),
        built_in=BuiltIn(
            "Embedded model",
            settings.model_name,
            settings.context_tokens,
            {"temperature": 0, "max_output_tokens": 512},
            default=True,
        ),
        free=True,
        reserved=RESERVED,
    )


def prepare(settings: LocalSettings, progress: Progress) -> None:
    """Check the machine and get the model; raises `StartupError`."""
    try:
        require_processor()
    except EngineError as error:
        raise StartupError(error.message, exit_code=69) from error
    if find_spec("xllamacpp") is None:
        raise StartupError("the package xllamacpp, which runs the embedded model, is not installed; run: pip install xllamacpp")
    if settings.model_path.name == FILE_NAME:
        fetch(settings.model_path, progress)
    elif not settings.model_path.is_file():
        raise StartupError(
            f"engine_local.model_path names {settings.model_path}, which does not exist; write the path of a GGUF file"
        )


def check(settings: LocalSettings) -> Mapping[str, Any]:
    """Facts about what the embedded engine needs; raises when something is missing."""
    require_processor()
    return {"model": settings.model_path.name, "bytes": settings.model_path.stat().st_size}


def require_processor(cpu_info: Path = _CPU_INFO) -> None:
    """Raise `EngineError` where the processor lacks AVX2, which the embedded engine's library is built for."""
    if platform.machine() in ("x86_64", "AMD64") and cpu_info.exists() and "avx2" not in cpu_info.read_text().split():
        raise EngineError(
            "unavailable",
            "this machine's processor has no AVX2, which the embedded engine needs; use an engine of another provider, "
            'such as "openai_compatible"',
            retryable=False,
        )


def folded(messages: Sequence[Message]) -> Sequence[Message]:
    """`messages` with the system's text in front of the first user's turn, where SmolLM2 follows it."""
    instructions = "\n\n".join(message.content for message in messages if message.role == "system")
    others = [message for message in messages if message.role != "system"]
    if not instructions:
        return others
    for position, message in enumerate(others):
        if message.role == "user":
            others[position] = replace(message, content=f"{instructions}\n\n{message.content}")
            return others
    return [Message("user", instructions), *others]
