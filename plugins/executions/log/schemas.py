"""Requests and responses of logs."""

from aasim_core.schemas.fields import Boolean, Choice, Instant, Integer, Json, ListOf, Object, Text
from aasim_core.schemas.schema import Schema


class LogEntryOut(Schema):
    """One line of an execution's log."""

    sequence = Integer(required=True)
    occurred_at = Instant(required=True)
    level = Choice("debug", "info", "warning", "error", required=True)
    step = Integer(allow_none=True, required=True)
    path = Text(allow_none=True, required=True, description="The step or node that it is about.", example="engine#2")
    event = Text(required=True, example="started")
    message = Text(max_length=4_000, multiline=True, required=True)
    data = Json(allow_none=True, required=True)


class LogOut(Schema):
    """A section of an execution's log."""

    entries = ListOf(Object(LogEntryOut), 1000, required=True)
    last_sequence = Integer(required=True, description="Continue with after=.")
    ended = Boolean(required=True, description="Whether nothing will follow.")


class LogQuery(Schema):
    """Which part of the log."""

    after = Integer(0, load_default=0)
    limit = Integer(1, 1000, load_default=100)
