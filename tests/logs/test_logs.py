"""Logs: what a line looks like, and what never stands in one."""

import ast
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from aasim_core.context import SYSTEM, acting_as
from aasim_core.logs.configuration import FIELDS, configure, subdued
from aasim_core.logs.redaction import redacted
from aasim_core.logs.repeated_errors import RepeatedErrors
from aasim_core.settings.sections import LogSettings

JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> Iterator[io.BytesIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.BytesIO()
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


class Watched(io.RawIOBase):
    """Passes on to a stream, counts the writes, and tells when so many lines are there."""

    def __init__(self, stream: io.BytesIO, lines: int) -> None:
        self.writes, self.complete = 0, threading.Event()
        self._stream, self._lines = stream, lines

    def write(self, data: Any) -> int:
        self.writes += 1
        count = self._stream.write(data)
        if self._stream.getvalue().count(b"\n") == self._lines:
            self.complete.set()
        return count


def last_entry(stream: io.BytesIO) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return entry


def test_a_line_is_one_json_object_with_time_level_and_logger(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    structlog.get_logger("aasim.test").info("started", port=8000)
    entry = last_entry(stream)
    assert entry.pop("time").endswith("Z")
    assert entry == {"level": "info", "logger": "aasim.test", "event": "started", "port": 8000}


def test_a_line_carries_the_id_of_the_request_being_served(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    with acting_as(SYSTEM, "request-1"):
        structlog.get_logger("aasim.test").info("started")
    assert last_entry(stream)["request_id"] == "request-1"


def test_a_field_that_is_not_on_the_list_is_left_out_and_named(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    structlog.get_logger("aasim.test").info("login", email="ada@example.com", status=200)
    entry = last_entry(stream)
    assert "ada@example.com" not in stream.getvalue().decode()
    assert (entry["status"], entry["omitted"]) == (200, ["email"])


def test_lines_below_the_level_are_not_written(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json", level="warning"), stream)
    structlog.get_logger("aasim.test").info("started")
    logging.getLogger("other").info("started")
    assert stream.getvalue() == b""


def test_of_other_libraries_only_what_goes_wrong_is_written(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json", level="debug"), stream)
    logging.getLogger("httpx2").info("HTTP Request: GET https://example.com")
    assert stream.getvalue() == b""
    logging.getLogger("httpx2").warning("odd answer")
    assert last_entry(stream)["logger"] == "httpx2"


@pytest.mark.parametrize("name", ["mcp.client.streamable_http", "mcp.shared.jsonrpc_dispatcher", "client"])
def test_of_the_mcp_sdk_nothing_is_written(stream: io.BytesIO, name: str) -> None:
    configure(LogSettings(format="json", level="debug"), stream)
    logging.getLogger(name).error("Error parsing JSON response: input_value='sentinel-of-the-token'")
    assert stream.getvalue() == b""


def test_a_command_for_people_is_subdued_unless_somebody_wants_more() -> None:
    levels = [subdued(LogSettings(level=level)).level for level in ("debug", "info", "warning", "error")]
    assert levels == ["debug", "warning", "warning", "error"]


def test_an_exception_is_logged_with_its_traceback_and_without_secrets(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    try:
        raise RuntimeError(f"refused: Bearer {JWT}")
    except RuntimeError:
        structlog.get_logger("aasim.test").exception("failed")
    entry = last_entry(stream)
    assert entry["level"] == "error"
    assert entry["exception"].endswith("RuntimeError: refused: ***\n")


def test_a_traceback_for_people_does_not_show_what_variables_hold(stream: io.BytesIO) -> None:
    configure(LogSettings(format="console"), stream)
    password = "correct horse"
    try:
        raise RuntimeError(f"refused {len(password)} characters")
    except RuntimeError:
        structlog.get_logger("aasim.test").exception("failed")
    assert "RuntimeError: refused 13 characters" in stream.getvalue().decode()
    assert password not in stream.getvalue().decode()


def test_the_standard_library_and_warnings_write_the_same_lines(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    logging.getLogger("gunicorn.error").error("key %s", "aasim_sk_" + "abc123")
    assert last_entry(stream)["event"] == "key ***"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", stacklevel=1)
    assert last_entry(stream)["logger"] == "py.warnings"


def test_what_json_cannot_hold_is_logged_all_the_same(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream)
    structlog.get_logger("aasim.test").info("odd", path="\ud800", count=2**70)
    assert last_entry(stream)["path"] == "\ud800"


def test_the_form_for_people_is_one_readable_line(stream: io.BytesIO) -> None:
    configure(LogSettings(format="console"), stream)
    structlog.get_logger("aasim.test").warning("slow", milliseconds=1200, reason="two\nlines", ip=None)
    line = stream.getvalue().decode()
    assert line[8:] == " warning slow  milliseconds=1200  reason='two\\nlines'\n"


def test_a_log_that_cannot_be_written_stops_nothing(stream: io.BytesIO) -> None:
    stream.close()
    configure(LogSettings(format="json"), stream)
    structlog.get_logger("aasim.test").info("started")
    logging.getLogger("other").error("failed")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("aasim_sk_" + "live_0123", "***"),
        ("aasim_rt_" + "0123", "***"),
        ("aasim_pr_" + "0123", "***"),
        (f"token={JWT};", "token=***;"),
        ("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "***"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: ***"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: ***"),
        ("postgresql://aasim:hunter2@db:5432/aasim", "postgresql://***@db:5432/aasim"),
        ("http://127.0.0.1:8000/docs", "http://127.0.0.1:8000/docs"),
        ("bearer of news", "bearer of news"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, safe: str) -> None:
    assert redacted(text) == safe


def test_trouble_of_one_kind_is_said_once_a_minute_with_how_often_it_happened() -> None:
    moment = 0.0
    repeated = RepeatedErrors(60, clock=lambda: moment)
    assert [repeated.count("full"), repeated.count("full"), repeated.count("broken"), repeated.count("full")] == [
        1,
        None,
        1,
        None,
    ]
    moment = 60.0
    assert [repeated.count("full"), repeated.count("full")] == [3, None]


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    loggers = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and "get_logger(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in loggers:
            yield node


@pytest.mark.long
def test_our_code_logs_known_fields_only(root: Path) -> None:
    unknown = [
        f"{path.relative_to(root)}:{call.lineno} logs {keyword.arg}; add it to FIELDS in logs/configuration.py if it is nobody's data"
        for folder in ("aasim_core", "plugins")
        for path in sorted((root / folder).rglob("*.py"))
        for call in log_calls(ast.parse(path.read_text(encoding="utf-8")))
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in FIELDS | {"exc_info"}
    ]
    assert not unknown


def test_an_entry_that_cannot_be_shown_leaves_the_others_readable(stream: io.BytesIO) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    configure(LogSettings(format="json"), stream)
    structlog.get_logger("aasim.test").info("odd", reason=Broken())
    structlog.get_logger("aasim.test").info("started")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["reason"]) == ("an entry that cannot be shown", "RuntimeError")
    assert second["event"] == "started"


def test_what_can_wait_is_written_together_by_a_thread(stream: io.BytesIO) -> None:
    written = Watched(stream, 100)
    configure(LogSettings(format="json"), written, gathers=True)
    log = structlog.get_logger("aasim.test")
    for number in range(100):
        log.info("request", count=number)
    assert written.complete.wait(60)
    assert [json.loads(line)["count"] for line in stream.getvalue().splitlines()] == list(range(100))
    assert written.writes < 10


def test_what_goes_wrong_does_not_wait_and_keeps_its_place(stream: io.BytesIO) -> None:
    configure(LogSettings(format="json"), stream, gathers=True)
    log = structlog.get_logger("aasim.test")
    log.info("first")
    log.warning("second")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["first", "second"]


@pytest.mark.long
def test_a_process_that_ends_and_its_forked_child_write_each_line_once() -> None:
    program = """
import os, structlog
from aasim_core.logs.configuration import configure
from aasim_core.settings.sections import LogSettings
configure(LogSettings(format="json"), gathers=True)
log = structlog.get_logger("aasim.test")
log.info("before")
child = os.fork()
log.info("parent" if child else "child")
if child:
    os.waitpid(child, 0)
"""
    # Newer Pythons warn of a fork beside threads, as gunicorn's master never does.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    run = subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert sorted(json.loads(line)["event"] for line in run.stderr.splitlines()) == ["before", "child", "parent"]
