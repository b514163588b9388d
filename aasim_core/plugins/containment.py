"""Containing plugins: what the code of one raises unforeseen becomes a fault that names it, and nobody else's error."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import peewee
import structlog

from ..data.transactions import Mistaken
from ..errors import Refused
from ..jobs.errors import LeaseLost
from .failures import describe, describe_without_message

_T = TypeVar("_T")
_log = structlog.get_logger("aasim.plugins")


class PluginFault(Refused):
    """A plugin raised what it may not raise. For people it names the plugin, and never what was raised; the log has that."""

    def __init__(self, origin: "Origin") -> None:
        facts = {"plugin": origin.plugin, "hook": origin.hook, "name": origin.name}
        super().__init__(
            "plugin_failed", f"The plugin {origin.plugin} failed ({origin.hook}: {origin.name}); the log says where.", meta=facts
        )
        self.plugin = origin.plugin


#: What is not the plugin's fault, wherever it is raised: the job is lost, or the database is away or wants the transaction again.
PASSING = (PluginFault, LeaseLost, Mistaken, peewee.OperationalError, peewee.InterfaceError, peewee.IntegrityError)


@dataclass(frozen=True)
class Origin:
    """Where an offer comes from: the plugin, the hook and the offer's name; `file` is the plugin's ``__init__.py``."""

    plugin: str
    hook: str
    name: str
    file: str | None = None


def contained(offer: _T, origin: Origin) -> _T:
    """The offer with its functions contained, if its class says in `foreseen` which exceptions they may raise; else as it is.

    All others become what the class makes of a `PluginFault` in `failed`, or the fault itself. What the functions return is contained
    in the same way, and so is what a generator yields.
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
    """The same for a block that runs the plugin's code, such as a method of an object that a function of an offer returned."""
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
    """What is raised instead. The text of an error is logged unless the offer is handed secrets, which it may repeat."""
    tell = describe_without_message if getattr(kind, "is_handed_secrets", False) else describe
    _log.error("a plugin failed", plugin=origin.plugin, hook=origin.hook, offer=origin.name, reason=tell(error, origin.file))
    make: Callable[[PluginFault], Exception] = getattr(kind, "failed", lambda fault: fault)
    return make(PluginFault(origin))
