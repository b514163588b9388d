"""Tracing hooks: a line of the log for each call of a hook, with the plugin that was asked, the shape of its answer, and the time."""

import threading
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import pluggy
import structlog

_log = structlog.get_logger("aasim.plugins")


def trace_hooks(manager: pluggy.PluginManager) -> None:
    """Log every call of a hook of the manager from now on. Of arguments and answers no value is logged: they may hold secrets."""
    trace = _Trace(manager)
    manager.add_hookcall_monitoring(trace.before, trace.after)


def shape_of(value: Any) -> str:
    """What an answer is, without what is in it: ``3 Grader``, ``1 Job and 2 Check``, ``bool``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, type):
        return f"class {value.__name__}"
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return type(value).__name__
    counts: dict[str, int] = {}
    for each in value:
        kind = shape_of(each)
        counts[kind] = counts.get(kind, 0) + 1
    return " and ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing"


class _Begun(threading.local):
    """The start times of this thread's nested calls: a hook may call another one."""

    def __init__(self) -> None:
        self.moments: list[float] = []


class _Trace:
    """What is done before and after each call."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager, self._begun = manager, _Begun()

    def before(self, hook: str, asked: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]) -> None:
        self._begun.moments.append(perf_counter())

    def after(
        self, outcome: pluggy.Result[Any], hook: str, asked: Sequence[pluggy.HookImpl], arguments: Mapping[str, Any]
    ) -> None:
        took = perf_counter() - self._begun.moments.pop()
        if not asked:
            return
        plugins = ", ".join(implementation.plugin_name for implementation in reversed(asked))
        facts = {"hook": hook, "plugin": plugins, "milliseconds": round(took * 1000, 3)}
        if outcome.exception is not None:
            _log.info("hook called", **facts, error=type(outcome.exception).__name__)
        else:
            _log.info("hook called", **facts, answer=self._shape(hook, asked, outcome.get_result()))

    def _shape(self, hook: str, asked: Sequence[pluggy.HookImpl], result: Any) -> str:
        """The shape of the one answer, or those of several, in the order in which they were given."""
        spec = getattr(self._manager.hook, hook).spec
        if spec and spec.opts.get("firstresult"):
            return shape_of(result)
        return "; ".join(map(shape_of, result)) or "nothing"
