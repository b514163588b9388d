"""The declaration of a kind of background work."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import JobContext


@dataclass(frozen=True)
class Retry:
    """When a failed job is retried: after `base_seconds`, doubled at each attempt, up to `max_seconds`."""

    max_attempts: int = 5
    base_seconds: float = 5
    max_seconds: float = 3600

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the given attempt (the first is 1), with 20 % jitter to spread retries."""
        seconds = min(self.max_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 60))
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy


@dataclass(frozen=True)
class Job:
    """A kind of background work.

    `name` is ``<plugin>.<verb>``. `function(context, payload)` does the work, at least once; `context` offers the lease, the progress and
    whether to stop. `time_limit` is in seconds. `schedule` is a cron expression in UTC (``"*/5 * * * *"``): the job then runs once per
    due time, with the payload ``{"due": <time>}``, in a system scope. With `per_organization` it runs once in the scope of each
    organization that this function returns and where the job's plugin is enabled, and is done when it has run in all. The function is
    called in a system scope; see `tenancy.organizations_with`. A job that `halts` is parked while its organization is halted; a running
    one sees it in ``context.should_stop()``. Without `parks`, it also runs while the plugin that it was enqueued for is disabled or
    uninstalled, and has to deal with that. `on_giving_up(payload, reason, state)` is called when the job has ``failed`` for good, or is
    ``dead`` because it crashed too many workers, in the transaction that records this and in the job's organization; use it to conclude
    what the job was for. The `reason` names the exception and its location; it is for the operator, never for an API response.
    """

    name: str
    function: "Callable[[JobContext, Mapping[str, Any]], Any]"
    retry: Retry = Retry()
    time_limit: float = 300
    schedule: str | None = None
    per_organization: Callable[[], Iterable[str]] | None = None
    halts: bool = False
    parks: bool = True
    on_giving_up: Callable[[Mapping[str, Any], str, str], Any] | None = None

    @property
    def plugin(self) -> str:
        """The plugin that the job belongs to; ``core`` for the platform's own."""
        return self.name.partition(".")[0]
