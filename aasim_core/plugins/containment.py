"""Contain plugins: an unexpected exception of a plugin's code, or a wrong answer, becomes a fault that names the plugin."""

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial, wraps
from math import inf
from typing import Any, TypeVar

import peewee
import structlog

from ..data.faults import fault_of, is_of_deferred_write
from ..data.transactions import Conflict
from ..errors import Refused
from ..jobs.errors import LeaseLost
from ..logs.repeated_errors import RepeatedErrors
from .failures import describe, describe_without_message, is_from_outside
from .field_types import answer_of, flaw_of_answer

_T = TypeVar("_T")
#: After how many seconds the log says that a plugin's code was slow.
SLOW_SECONDS = 1.0
_log = structlog.get_logger("aasim.plugins")


class PluginFault(Refused):
    """A plugin raised an unexpected exception. The message for people names the plugin, never the exception; the log has that."""

    def __init__(self, origin: "Origin") -> None:
        facts = {"plugin": origin.plugin, "hook": origin.hook, "name": origin.name}
        super().__init__(
            "plugin_failed", f"The plugin {origin.plugin} failed ({origin.hook}: {origin.name}); the log says where.", meta=facts
        )
        self.plugin = origin.plugin


class WrongAnswer(TypeError):
    """A plugin's function returned a value of another type than it declares."""


#: Not the plugin's fault, wherever raised: the job is lost, or the transaction must be retried.
_PASSING = (PluginFault, LeaseLost, Conflict)


@dataclass(frozen=True)
class Origin:
    """The origin of an offer: the plugin, the hook and the offer's name; `file` is the plugin's ``__init__.py``.

    Where no line of the plugin led to an error, that of the definition `place` is told. The answers of a plugin that is not `bundled` are
    checked. What is called often limits its lines in the log with `repeated`.
    """

    plugin: str
    hook: str
    name: str
    file: str | None = None
    place: Any = None
    bundled: bool = True
    repeated: RepeatedErrors | None = None


def contained(offer: _T, origin: Origin) -> _T:
    """Return the offer with its functions contained, if its class declares in `foreseen` which exceptions they may raise; else unchanged.

    Any other exception becomes the result of the class's `failed` for a `PluginFault`, or the fault itself; so does an answer of another
    type than the function's field declares, of a plugin that is not bundled. Results that are functions, and values that generators yield,
    are contained too. A function that takes over a second is logged, unless it is one of the class's `unhurried`. One that takes longer
    than the class's `most_seconds` has failed.
    """
    kind: Any = type(offer)
    if not (is_dataclass(kind) and hasattr(kind, "foreseen")):
        return offer
    values = {field.name: getattr(offer, field.name) for field in fields(kind)}
    changes = {
        name: contained_call(value, kind, origin, _checks(kind, name, origin), name)
        if _is_function(value)
        else contained(value, origin)
        for name, value in values.items()
    }
    return replace(offer, **changes)  # type: ignore[type-var]


@contextmanager
def containing(kind: Any, origin: Origin) -> Iterator[None]:
    """Contain a block that runs the plugin's code, such as a method of an object that an offer's function returned."""
    try:
        yield
    except BaseException as error:
        if _passes(error, kind):
            raise
        raise _fault_of(error, kind, origin) from error


def contained_call(
    function: Callable[..., Any], kind: Any, origin: Origin, flaw_of: Callable[[Any], str | None] | None = None, name: str = ""
) -> Callable[..., Any]:
    """Return the function contained as one of an offer of that `kind`; `flaw_of` says what is wrong with a value that it returns."""
    definition = inspect.unwrap(function)
    origin = replace(origin, place=definition if inspect.isfunction(definition) else origin.place)
    is_hurried = name not in getattr(kind, "unhurried", ())

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        began = time.monotonic()
        try:
            value = function(*arguments, **named)
            if flaw_of is not None and (flaw := flaw_of(value)) is not None:
                raise WrongAnswer(f"{name or origin.name} returned a value that is wrong: {flaw}")
            if time.monotonic() - began > (most_seconds := getattr(kind, "most_seconds", inf)):
                raise TimeoutError(f"{name} took longer than {most_seconds:g} s while nobody else could write; do it in a job")
        except BaseException as error:
            if _passes(error, kind):
                raise
            raise _fault_of(error, kind, origin) from error
        finally:
            if is_hurried and (seconds := time.monotonic() - began) > SLOW_SECONDS:
                tell_slow(origin, seconds)
        return _contained_iteration(value, kind, origin) if inspect.isgenerator(value) else contained(value, origin)

    return call


def tell_slow(origin: Origin, seconds: float) -> None:
    """Log that a plugin's code took so long while something waited for it."""
    _log.warning("a plugin was slow", plugin=origin.plugin, hook=origin.hook, offer=origin.name, seconds=round(seconds, 1))


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _checks(kind: Any, name: str, origin: Origin) -> Callable[[Any], str | None] | None:
    """Return what checks the answers of a function, in the field of that name, of a plugin that no type checker of ours has seen."""
    return None if origin.bundled or (answer := answer_of(kind, name)) is None else partial(flaw_of_answer, answer)


def _contained_iteration(values: Iterator[Any], kind: Any, origin: Origin) -> Iterator[Any]:
    with containing(kind, origin):
        yield from values


def _passes(error: BaseException, kind: Any) -> bool:
    """Return whether the error is none of the plugin's: declared, from outside, of the storage, or of what somebody else wrote before."""
    if isinstance(error, (*_PASSING, *kind.foreseen)) or is_from_outside(error):
        return True
    return isinstance(error, peewee.PeeweeException) and (is_of_deferred_write(error) or fault_of(error) is not None)


def _fault_of(error: BaseException, kind: Any, origin: Origin) -> Exception:
    """Return the exception to raise instead. An error's text is logged unless the offer receives secrets, which it may repeat."""
    tell = describe_without_message if getattr(kind, "is_handed_secrets", False) else describe
    count = 1 if origin.repeated is None else origin.repeated.count(type(error).__name__)
    if count is not None:
        counted = {} if origin.repeated is None else {"count": count}
        facts = {"plugin": origin.plugin, "hook": origin.hook, "offer": origin.name, **counted}
        _log.error("a plugin failed", **facts, reason=tell(error, origin.file, origin.place))
    make: Callable[[PluginFault], Exception] = getattr(kind, "failed", lambda fault: fault)
    return make(PluginFault(origin))
