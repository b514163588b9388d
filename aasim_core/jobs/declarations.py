"""The declaration of a kind of background work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import JobContext


@dataclass(frozen=True)
class Retry:
    """How often and how late a failed job is tried again: `base_seconds` doubled at each attempt, at most `max_seconds`."""

    max_attempts: int = 5
    base_seconds: float = 5
    max_seconds: float = 3600


@dataclass(frozen=True)
class Job:
    """A kind of background work.

    `name` is ``<plugin>.<verb>``. `function(context, payload)` does it, at least once; `context` can be asked for the lease, the
    progress and whether to stop. `time_limit` is in seconds. `schedule` is a cron expression in UTC (``"*/5 * * * *"``): the job
    then runs by itself, once for each due time, in a system scope, with the payload ``{"due": <time>}``.
    """

    name: str
    function: "Callable[[JobContext, Mapping[str, Any]], Any]"
    retry: Retry = Retry()
    time_limit: float = 300
    schedule: str | None = None
