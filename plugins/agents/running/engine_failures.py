"""Handle a run whose engine or judge is unavailable."""

from ...engines.hookspecs import EngineError, NoRoom, ProviderFailed, ProviderOff
from ...executions.hookspecs import LOOK_AGAIN_SECONDS, Run, RunFailed, RunLater

_MOST_ATTEMPTS = 5


def later_or_never(run: Run, error: EngineError) -> Exception:
    """Return the exception that ends the turn: retry the run later, or fail it where that would not help, or has failed too often."""
    if isinstance(error, NoRoom):
        return RunLater(error.retry_after or 1, f"The run waits for its turn: {error.message}.")
    if isinstance(error, ProviderOff):
        return RunLater(LOOK_AGAIN_SECONDS, f"The run waits for its engine: {error.message}.", missing=error.missing)
    if isinstance(error, ProviderFailed):
        return RunFailed("plugin_failed", error.message, meta={"plugin": error.plugin})
    if not error.retryable or run.execution.attempt >= _MOST_ATTEMPTS:
        return RunFailed(f"engine_{error.code}", error.message, retryable=error.retryable)
    seconds = error.retry_after if error.retry_after is not None else 2.0**run.execution.attempt
    run.execution.attempt += 1
    return RunLater(min(seconds, 300), f"The engine cannot answer now ({error.code}): {error.message}")
