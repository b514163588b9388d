"""The plugin's section of the settings."""

from dataclasses import dataclass

from aasim_core import setting


@dataclass(frozen=True)
class ExecutionSettings:
    """How much an organization may run, and how long."""

    queue_limit: int = setting(1000, "Executions that may wait in one organization; more are refused with queue_full.")
    concurrency: int = setting(0, "Executions of one organization that run at the same time; 0 is no limit.")
    timeout_seconds: int = setting(600, "How long a run may take, without waiting, unless its agent sets its own limit.")
    cancel_grace_seconds: int = setting(8, "After so long, a run that was cancelled is ended whatever it is doing.")
