"""The section ``[dummy]`` of the settings."""

from dataclasses import dataclass

from aasim_core import setting


@dataclass(frozen=True)
class DummySettings:
    """Greetings."""

    answer: str = setting("Hello to you.", "What every greeting is answered with.")
    hidden: tuple[str, ...] = setting((), "Plugins that no organization sees.")
