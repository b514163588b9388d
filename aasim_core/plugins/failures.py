"""Describe an error inside a plugin in one line: the exception, its message, and the plugin's own line."""

import inspect
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..text.suggestions import nearest

_LONGEST_MESSAGE = 400


def describe(error: BaseException, origin: str | None) -> str:
    """Return the exception's class and message, and the last line of the plugin whose ``__init__.py`` (or only file) is `origin`."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    message = " ".join(text.split())[:_LONGEST_MESSAGE]
    return _told(error, f": {message}" if message else "", origin)


def describe_without_message(error: BaseException, origin: str | None) -> str:
    """Return the same without the exception's message, which may contain a secret."""
    return _told(error, "", origin)


def _told(error: BaseException, message: str, origin: str | None) -> str:
    where = _line_of(error, Path(origin)) if origin else None
    return type(error).__name__ + message + (f" ({where})" if where else "")


def place_of(definition: Any) -> str:
    """Return where a class or function is defined, as the end of a phrase: `` (notes/models.py:12)``; empty if unknown."""
    try:
        file, line = inspect.getsourcefile(definition), inspect.getsourcelines(definition)[1]
    except (OSError, TypeError):
        return ""
    return f" ({Path(file).parent.name}/{Path(file).name}:{line})" if file else ""


def _line_of(error: BaseException, origin: Path) -> str | None:
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
