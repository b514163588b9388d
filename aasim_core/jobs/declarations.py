"""The declaration of a kind of background work."""

import random
from collections.abc import Callable, Iterable, Mapping
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

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the `attempt`-th attempt (the first is 1), spread by a fifth so that failures do not march in step."""
        seconds = min(self.max_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 60))
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spread, not secrecy


@dataclass(frozen=True)
class Job:
    """A kind of background work.

    `name` is ``<plugin>.<verb>``. `function(context, payload)` does it, at least once; `context` can be asked for the lease, the
    progress and whether to stop. `time_limit` is in seconds. `schedule` is a cron expression in UTC (``"*/5 * * * *"``): the job
    then runs by itself, once for each due time, with the payload ``{"due": <time>}``: in a system scope, or, if it is
    `per_organization`, once in the scope of each of the organizations that this names and where the job's plugin is on. It is called in a
    system scope; see `tenancy.organizations_with`.
    One that `halts` is parked while its organization is halted; one that runs is told by ``context.should_stop()``.
    `on_giving_up(payload, reason, state)` is called when the job has ``failed`` for good, or is ``dead`` because it took too many
    workers with it, in the transaction that says so and in the job's organization: the place to bring what the job was for to an
    end. The `reason` names the exception and its place; it is for the operator, and never for an answer.
    """

    name: str
    function: "Callable[[JobContext, Mapping[str, Any]], Any]"
    retry: Retry = Retry()
    time_limit: float = 300
    schedule: str | None = None
    per_organization: Callable[[], Iterable[str]] | None = None
    halts: bool = False
    on_giving_up: Callable[[Mapping[str, Any], str, str], Any] | None = None

    @property
    def plugin(self) -> str:
        """The plugin that the job belongs to; ``core`` for the platform's own."""
        return self.name.partition(".")[0]
