"""Contain plugins: an unexpected exception of a plugin's code becomes a fault that names the plugin."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import peewee
import structlog

from ..data.transactions import Conflict
from ..errors import Refused
from ..jobs.errors import LeaseLost
from .failures import describe, describe_without_message

_T = TypeVar("_T")
_log = structlog.get_logger("aasim.plugins")


class PluginFault(Refused):
    """A plugin raised an unexpected exception. The message for people names the plugin, never the exception; the log has that."""

    def __init__(self, origin: "Origin") -> None:
        facts = {"plugin": origin.plugin, "hook": origin.hook, "name": origin.name}
        super().__init__(
            "plugin_failed", f"The plugin {origin.plugin} failed ({origin.hook}: {origin.name}); the log says where.", meta=facts
        )
        self.plugin = origin.plugin


#: Not the plugin's fault, wherever raised: the job is lost, the database is unavailable, or the transaction must be retried.
PASSING = (PluginFault, LeaseLost, Conflict, peewee.OperationalError, peewee.InterfaceError, peewee.IntegrityError)


@dataclass(frozen=True)
class Origin:
    """The origin of an offer: the plugin, the hook and the offer's name; `file` is the plugin's ``__init__.py``."""

    plugin: str
    hook: str
    name: str
    file: str | None = None


def contained(offer: _T, origin: Origin) -> _T:
    """Return the offer with its functions contained, if its class declares in `foreseen` which exceptions they may raise; else unchanged.

    Any other exception becomes the result of the class's `failed` for a `PluginFault`, or the fault itself. Results that are functions, and
    values that generators yield, are contained too.
    """
    kind: Any = type(offer)
    if not (is_dataclass(kind) and hasattr(kind, "foreseen")):
        return offer
    values = {field.name: getattr(offer, field.name) for field in fields(kind)}
    changes = {
        name: _contained_call(value, kind, origin) if _is_function(value) else contained(value, origin)
        for name, value in values.items()
    }
    return replace(offer, **changes)  # type: ignore[type-var]


@contextmanager
def containing(kind: Any, origin: Origin) -> Iterator[None]:
    """Contain a block that runs the plugin's code, such as a method of an object that an offer's function returned."""
    try:
        yield
    except (*PASSING, *kind.foreseen):
        raise
    except Exception as error:
        raise _fault_of(error, kind, origin) from error


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _contained_call(function: Callable[..., Any], kind: Any, origin: Origin) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            value = function(*arguments, **named)
        except (*PASSING, *kind.foreseen):
            raise
        except Exception as error:
            raise _fault_of(error, kind, origin) from error
        return _contained_iteration(value, kind, origin) if inspect.isgenerator(value) else contained(value, origin)

    return call


def _contained_iteration(values: Iterator[Any], kind: Any, origin: Origin) -> Iterator[Any]:
    with containing(kind, origin):
        yield from values


def _fault_of(error: Exception, kind: Any, origin: Origin) -> Exception:
    """Return the exception to raise instead. An error's text is logged unless the offer receives secrets, which it may repeat."""
    tell = describe_without_message if getattr(kind, "is_handed_secrets", False) else describe
    _log.error("a plugin failed", plugin=origin.plugin, hook=origin.hook, offer=origin.name, reason=tell(error, origin.file))
    make: Callable[[PluginFault], Exception] = getattr(kind, "failed", lambda fault: fault)
    return make(PluginFault(origin))
