"""Logs: one JSON object (or one readable line) an event on standard error, with known fields only and without secrets."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

import orjson
import structlog

from ..clock import now, to_text
from ..context import current_request_id
from ..settings.sections import LogSettings
from .buffered_stream import Entry, LogStream
from .redaction import redacted

#: What a line may hold; anything else is left out, and its name is noted under ``omitted``. Never text from users, never values.
FIELDS = frozenset(
    """
    time level logger event request_id exception omitted process
    method route status milliseconds organization_id principal chain ip
    plugin hook answer offer state version
    job job_id attempt queue lease owner worker schedule due
    execution_id step engine model input_tokens output_tokens meter grader approval_id
    reason error code count seconds pid port path url signal exit_code table migration
    """.split()
)

#: The loggers of the MCP SDK: their errors quote what servers answer, which may repeat the token that they were sent.
_QUOTING = ("mcp", "client")
_SILENT = logging.CRITICAL + 1


def subdued(settings: LogSettings) -> LogSettings:
    """The settings for a command that says itself what it does: only what goes wrong is logged, unless somebody wants more."""
    return replace(settings, level="warning") if settings.level == "info" else settings


def configure(settings: LogSettings, stream: BinaryIO | None = None, *, gathers: bool = False) -> None:
    """Send what structlog and the standard library log to `stream` (standard error), as the settings say (see `LogStream`).

    Of others' libraries only warnings and errors are wanted, whatever the level is: what they do for us, we log ourselves. Of those
    that quote what servers answer, nothing is.
    """
    stream = stream or sys.stderr.buffer
    for_people = settings.format == "console" or (settings.format == "auto" and stream.isatty())
    lines = LogStream(stream, partial(_rendered, _line_for_people if for_people else _line_for_programs), gathers=gathers)
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[lambda logger, method, entry: ((_entry(logger.name, method, entry),), {})],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda name="aasim": _Logger(lines, name),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Handler(lines)], level=max(level, logging.WARNING), force=True)
    for name in _QUOTING:
        logging.getLogger(name).setLevel(_SILENT)
    logging.captureWarnings(capture=True)


class _Logger:
    """What structlog hands entries to; it knows the name that it was asked for by. What goes wrong does not wait."""

    def __init__(self, lines: LogStream, name: str) -> None:
        self.name = name
        self.debug = self.info = lines.add
        self.warning = self.error = self.critical = self.exception = lines.write


class _Handler(logging.Handler):
    """Makes of the standard library's records entries like our own."""

    def __init__(self, lines: LogStream) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.write(
                _entry(record.name, record.levelname.lower(), {"event": record.getMessage(), "exc_info": record.exc_info})
            )
        except Exception:  # noqa: BLE001 - the library that logs should not fail for its own message
            self.handleError(record)


def _entry(name: str, level: str, entry: Entry) -> Entry:
    complete: Entry = {"time": now(), "level": "error" if level == "exception" else level, "logger": name}
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


def _rendered(line_of: Callable[[Entry], str], entry: Entry) -> bytes:
    """The line, with its end; of an entry that cannot be shown, that it was there."""
    try:
        line = line_of(_of_known_fields({**entry, "time": to_text(entry["time"])}))
    except Exception as error:  # noqa: BLE001 - whatever a value's text fails with, the other entries wait behind this one
        complete = {"time": to_text(now()), "level": entry["level"], "logger": entry["logger"]}
        line = line_of({**complete, "event": "an entry that cannot be shown", "reason": type(error).__name__})
    return line.encode(errors="backslashreplace") + b"\n"


def _of_known_fields(entry: Entry) -> Entry:
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
