"""Logs: one JSON object (or one readable line) an event on standard error, with known fields only and without secrets."""

import json
import logging
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, BinaryIO

import orjson
import structlog

from .clock import now, to_text
from .context import current_request_id
from .settings.sections import LogSettings

Entry = MutableMapping[str, Any]

#: What a line may hold; anything else is left out, and its name is noted under ``omitted``. Never text from users, never values.
FIELDS = frozenset(
    """
    time level logger event request_id exception omitted process
    method route status milliseconds organization_id principal ip
    plugin hook state version
    job job_id attempt queue lease owner worker schedule due
    execution_id step engine model input_tokens output_tokens meter grader approval_id
    reason error code count seconds pid port path url signal exit_code table migration
    """.split()
)

MASK = "***"
# Our own API keys and tokens, webhook secrets, JSON Web Tokens, credentials in headers, and passwords in URLs.
_SECRET = re.compile(
    r"aasim_(?:sk|rt|pr|iv|ev)_[\w-]+"
    r"|whsec_[\w+/=-]+"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|\b(?:[Bb]earer|[Bb]asic) [\w.~+/=-]{8,}"
    r"|(?<=://)[^\s:/@\"]+:[^\s/@\"]+(?=@)"
)

# What every secret has in it: looking for these first costs a twentieth of looking for the pattern.
_MARKS = ("aasim_", "whsec_", "eyJ", "earer ", "asic ", "://")


def redacted(text: str) -> str:
    """`text` with everything that looks like a secret masked."""
    if not any(mark in text for mark in _MARKS):
        return text
    return _SECRET.sub(MASK, text)


def subdued(settings: LogSettings) -> LogSettings:
    """The settings for a command that says itself what it does: only what goes wrong is logged, unless somebody wants more."""
    return replace(settings, level="warning") if settings.level == "info" else settings


def configure(settings: LogSettings, stream: BinaryIO | None = None) -> None:
    """Send what structlog and the standard library log to `stream` (standard error), as the settings say.

    Of others' libraries only warnings and errors are wanted, whatever the level is: what they do for us, we log ourselves.
    """
    patient = _Patient(stream or sys.stderr.buffer)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    for_people = settings.format == "console" or (settings.format == "auto" and patient.isatty())
    render = _line_for_people if for_people else _line_for_programs
    structlog.configure(
        processors=[_completed, _known_fields, lambda _logger, _method, entry: render(entry).encode()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda name="aasim": _Lines(patient, name),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_Text(patient))
    handler.setFormatter(_Formatter(render))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.captureWarnings(capture=True)


class Seldom:
    """Lets each kind of trouble be said once in so many seconds: what fails for everybody would fill the log, and hide the rest."""

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._said: dict[str, float] = {}
        self._count: Counter[str] = Counter()

    def count(self, kind: str) -> int | None:
        """How often it has happened since it was last said, if it is to be said now; else None."""
        self._count[kind] += 1
        if self._clock() < self._said.get(kind, float("-inf")) + self._seconds:
            return None
        self._said[kind] = self._clock()
        return self._count.pop(kind)


def kind_of(error: BaseException) -> str:
    """The error's type and the first line of its text."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


class _Patient:
    """A stream that loses what cannot be written: a full disk under the log is no reason not to do what is logged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.isatty = stream.isatty

    def write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(data)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Lines(structlog.BytesLogger):
    """Writes finished lines, and knows the name that it was asked for by."""

    def __init__(self, stream: _Patient, name: str) -> None:
        super().__init__(stream)  # type: ignore[arg-type]
        self.name = name


class _Text:
    """The stream of bytes as the standard library's handler wants it."""

    def __init__(self, stream: _Patient) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        self._stream.write(text.encode())

    def flush(self) -> None:
        self._stream.flush()


class _Formatter(logging.Formatter):
    """Makes of the standard library's record the same line as of our own entries."""

    def __init__(self, render: Any) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        entry: Entry = {"event": record.getMessage(), "exc_info": record.exc_info}
        line: str = self._render(_known_fields(None, "", _entry(record.name, record.levelname.lower(), entry)))
        return line


def _completed(logger: Any, method: str, entry: Entry) -> Entry:
    return _entry(logger.name, "error" if method == "exception" else method, entry)


def _entry(name: str, level: str, entry: Entry) -> Entry:
    complete: Entry = {"time": to_text(now()), "level": level, "logger": name}
    if (request_id := current_request_id()) is not None:
        complete["request_id"] = request_id
    complete.update(entry)
    failure = complete.pop("exc_info", None)
    if failure:
        complete["exception"] = _traceback_of(failure)
    return complete


def _traceback_of(failure: Any) -> str:
    exception = failure if isinstance(failure, BaseException) else (failure[1] if isinstance(failure, tuple) else sys.exception())
    return "".join(traceback.format_exception(exception)) if exception else ""


def _known_fields(_logger: Any, _method: str, entry: Entry) -> Entry:
    if entry.keys() <= FIELDS:
        return entry
    known = {key: value for key, value in entry.items() if key in FIELDS}
    return {**known, "omitted": sorted(entry.keys() - FIELDS)}


def _line_for_programs(entry: Entry) -> str:
    try:
        line = orjson.dumps(entry, default=str).decode()
    except TypeError:
        line = json.dumps(entry, default=str)  # a lone surrogate, or an integer beyond 64 bits
    return redacted(line)


def _line_for_people(entry: Entry) -> str:
    rest = {key: value for key, value in entry.items() if key not in ("time", "level", "logger", "event", "exception")}
    facts = "".join(f"  {key}={_on_one_line(value)}" for key, value in rest.items() if value is not None)
    line = f"{entry['time'][11:19]} {entry['level']:<7} {_on_one_line(entry['event'])}{facts}"
    return redacted(f"{line}\n{entry['exception'].rstrip()}" if entry.get("exception") else line)


def _on_one_line(value: Any) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)
