"""Concise failure reports: the cause, in a few lines."""

import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

#: How many exceptions of a chain are shown, and how many places in the code of each: the last ones, where the cause is.
_MOST_EXCEPTIONS, _MOST_PLACES = 3, 6
#: How many flaws of one kind a failure names.
_MOST_FLAWS = 10


def demand(condition: object, message: object) -> None:
    """Fail the test with the message, which names what was asked and what was answered, unless the condition holds."""
    if not condition:
        pytest.fail(str(message), pytrace=False)


def demand_none(flaws: list[str]) -> None:
    """Fail the test with the flaws, if there is any; of many, with the first ones and how many there are."""
    more = [f"and {len(flaws) - _MOST_FLAWS} more like these"] if len(flaws) > _MOST_FLAWS else []
    demand(not flaws, "\n".join([*flaws[:_MOST_FLAWS], *more]))


class ShortReports:
    """A pytest plugin that keeps failures short: in the log only trouble, and each traceback once; of the contract suite no code."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Log tracebacks in short, unless the project under test configures structlog itself."""
        self._shown.clear()
        if not structlog.is_configured():
            tracebacks, lines = structlog.processors.ExceptionRenderer(self._once), structlog.dev.ConsoleRenderer(colors=False)
            structlog.configure(processors=[structlog.processors.add_log_level, _only_trouble, tracebacks, lines])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """Show the lines that failed, and not whole functions, of a test of the contract suite."""
        option, is_ours = item.config.option, hasattr(getattr(item, "cls", None), "hints")
        before = option.tbstyle
        option.tbstyle = "short" if is_ours and before == "auto" else before
        try:
            return (yield)
        finally:
            option.tbstyle = before

    def _once(self, exc_info: Any) -> str:
        told = in_short(exc_info[1])
        if told in self._shown:
            return f"{told.splitlines()[-1]} (as above)"
        self._shown.add(told)
        return told


def _only_trouble(logger: Any, method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """News of ordinary work, such as each request, is not printed with a failure."""
    if method in ("debug", "info") and not entry.get("exc_info"):
        raise structlog.DropEvent
    return entry


def in_short(error: BaseException) -> str:
    """The last exceptions of the chain that led to this one, with the last places in the code of each; no values of variables."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _MOST_EXCEPTIONS:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\nwhich led to:\n".join(_one(link) for link in reversed(chain))


def _one(error: BaseException) -> str:
    places = traceback.extract_tb(error.__traceback__)[-_MOST_PLACES:]
    shown = traceback.StackSummary.from_list([(one.filename, one.lineno or 0, one.name, one.line) for one in places])
    return "".join([*shown.format(), *traceback.format_exception_only(error)]).rstrip()
