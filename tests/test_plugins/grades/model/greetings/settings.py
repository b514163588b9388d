"""The section ``[greetings]`` of the settings."""

from dataclasses import dataclass

from aasim_core import setting


@dataclass(frozen=True)
class GreetingsSettings:
    """Greetings."""

    keep_days: int = setting(30, "How long a greeting is kept.")
    bell_token: str = setting("", "What the bell at the door wants to be sent.", secret=True)
