"""The section ``[engine_llm]`` of the settings."""

from dataclasses import dataclass

from aasim_core.settings import setting


@dataclass(frozen=True)
class LlmSettings:
    """Which models of llm organizations may use, wherever those go and whatever keys they find."""

    models: tuple[str, ...] = setting((), 'The models, by the names that "llm models" shows; "*" is all of them.')
