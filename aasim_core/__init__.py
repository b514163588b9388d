"""The platform's core, and what a plugin's first line imports; a name is loaded when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import VERSION as __version__

if TYPE_CHECKING:
    from .errors import Invalid, Problem, Refused, StartupError, not_found
    from .hookspecs import hookimpl

_HOME_OF = {
    "Invalid": "errors",
    "Problem": "errors",
    "Refused": "errors",
    "StartupError": "errors",
    "hookimpl": "hookspecs",
    "not_found": "errors",
}

__all__ = ["Invalid", "Problem", "Refused", "StartupError", "__version__", "hookimpl", "not_found"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
