"""Describe an error inside a plugin in one line: the exception, its message, and the plugin's own line."""

import inspect
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..text.suggestions import nearest

_LONGEST_MESSAGE = 400


def describe(error: BaseException, origin: str | None, otherwise: Any = None) -> str:
    """Return the exception's class and message, and the last line of the plugin whose ``__init__.py`` (or only file) is `origin`.

    Of an error that no line of the plugin led to, it is the line of the definition `otherwise`.
    """
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    message = " ".join(text.split())[:_LONGEST_MESSAGE]
    return _told(error, f": {message}" if message else "", origin, otherwise)


def describe_without_message(error: BaseException, origin: str | None, otherwise: Any = None) -> str:
    """Return the same without the exception's message, which may contain a secret."""
    return _told(error, "", origin, otherwise)


def is_from_outside(error: BaseException) -> bool:
    """Return whether other code than the plugin's raised it: a generator is closed, or Ctrl-C was pressed.

    Python handles signals in the main thread only, so that a KeyboardInterrupt in another one is the plugin's. So is each SystemExit.
    """
    if isinstance(error, KeyboardInterrupt):
        return threading.current_thread() is threading.main_thread()
    return isinstance(error, GeneratorExit)


def _told(error: BaseException, message: str, origin: str | None, otherwise: Any) -> str:
    where = line_of(error, Path(origin)) if origin else None
    return type(error).__name__ + message + (f" ({where})" if where else place_of(otherwise))


def place_of(definition: Any) -> str:
    """Return where a class or function is defined, as the end of a phrase: `` (notes/models.py:12)``; empty if unknown."""
    try:
        file, line = inspect.getsourcefile(definition), inspect.getsourcelines(definition)[1]
    except (OSError, TypeError):
        return ""
    return f" ({Path(file).parent.name}/{Path(file).name}:{line})" if file else ""


def line_of(error: BaseException, origin: Path) -> str | None:
    """Return the last line that led to the error of the plugin whose ``__init__.py`` (or only file) is `origin`: ``notes/api.py:12``."""
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    for filename, line in reversed(lines):
        file = Path(filename)
        if file == origin or (origin.name == "__init__.py" and file.is_relative_to(origin.parent)):
            return f"{file.relative_to(_above(origin))}:{line}"
    return None


def _above(origin: Path) -> Path:
    """Return the folder to which a plugin's paths are shown relative: short, and independent of the installation's location."""
    return origin.parent.parent


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return the end of a sentence about the unknown `name`, such as ``; did you mean "agents"?``; empty without a close match."""
    near = nearest(name, sorted(options))
    return f'; did you mean "{near}"?' if near else ""
