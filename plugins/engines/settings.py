"""The plugin's section of the settings."""

from dataclasses import dataclass

from aasim_core import setting


@dataclass(frozen=True)
class EngineSettings:
    """When an engine that does not answer is left alone."""

    breaker_failures: int = setting(5, "Number of consecutive unanswered calls after which an engine is degraded; 0 is never.")
    breaker_seconds: int = setting(30, "So long no call goes to a degraded engine; then one finds out whether it answers again.")
