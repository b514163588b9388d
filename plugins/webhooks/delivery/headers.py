"""Additional headers of a webhook: stored as sealed secrets, of which only the names are shown."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.errors import Invalid, Problem
from aasim_core.secrets import Secret

from ..models import Webhook

if TYPE_CHECKING:
    from aasim_core.app import App

#: What is shown in place of a value.
MASK = "***"
_MOST, _LONGEST = 20, 2048
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS = {
    "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive", "te", "trailer",
    "traceparent", "transfer-encoding", "upgrade", "user-agent", "accept-encoding",
}  # fmt: skip


def refuse_bad(headers: Mapping[str, Any]) -> None:
    """Invalid for headers that cannot be sent, or that are set by the platform."""
    problems = {f"headers.{name[:100]}": [problem] for name, value in headers.items() if (problem := _flaw(name, value))}
    if len(headers) > _MOST:
        problems = {"headers": [Problem("too_many_items", f"Write at most {_MOST} headers.")]}
    elif len({name.lower() for name in headers}) < len(headers):
        problems = {"headers": [Problem("not_unique", "Write every header once, in whatever case.")]}
    if problems:
        raise Invalid(problems)


def _flaw(name: str, value: Any) -> Problem | None:
    lowered = name.lower()
    if not _NAME.fullmatch(name) or lowered in _OURS or lowered.startswith("webhook-"):
        return Problem("invalid_choice", "This header cannot be set here; write another one.")
    if type(value) is not str or not value.strip() or not value.isascii() or not value.isprintable() or len(value) > _LONGEST:
        return Problem("invalid_format", f"Write 1 to {_LONGEST} printable ASCII characters.")
    if value == MASK:
        return Problem("invalid_format", "This stands for the value, which is not shown; write the value itself.")
    return None


def columns_of(app: "App", record: Webhook, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of the record that store the headers."""
    place = Webhook.headers.place(record.id, record.organization_id)
    sealed = app.keyring.seal(Secret(orjson.dumps(headers).decode()), place) if headers else None
    return {"headers": sealed, "header_names": sorted(headers)}


def names_in(column: Any) -> list[str]:
    """The names that the column `header_names` holds, as a value or as the database has it."""
    names: list[str] = orjson.loads(column) if isinstance(column, str) else column
    return names


def opened(app: "App", record: Webhook) -> Mapping[str, str]:
    """The headers; raises `Unreadable`."""
    if record.headers is None:
        return {}
    place = Webhook.headers.place(record.id, record.organization_id)
    found: dict[str, str] = orjson.loads(app.keyring.open(record.headers, place).reveal())
    return found
