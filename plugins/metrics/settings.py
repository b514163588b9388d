"""The plugin's section of the settings."""

from dataclasses import dataclass

from aasim_core import setting

_SHORTEST = 16


def _is_long(value: str) -> str | None:
    return None if not value or len(value) >= _SHORTEST else f"write at least {_SHORTEST} characters, or nothing"


@dataclass(frozen=True)
class MetricsSettings:
    """Who may read the metrics."""

    token: str = setting("", "Bearer token that allows to read the metrics; empty allows nobody.", check=_is_long, secret=True)
