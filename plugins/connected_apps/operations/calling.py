"""Call an app's operation: check permission, make the call, and record it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import peewee
import structlog

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.data.faults import fault_of
from aasim_core.data.persistence import persist
from aasim_core.logs.repeated_errors import kind_of
from aasim_core.text.json import keepable
from aasim_core.user_code import json_schema

from ..connecting import AppError, Call, Connection, Connector, never
from ..credentials.app_status import note_failure, note_success, open_connection
from ..credentials.tokens import is_due, refresh, refreshable
from ..credentials.vault import hide, hiding
from ..models import PENDING, USABLE, AppOperation, ConnectedApp, Use
from ..registry import connector_of

if TYPE_CHECKING:
    from aasim_core.app import App

Found = TypeVar("Found")
Result = TypeVar("Result")

#: The most that an agent gets of a result, in bytes of JSON.
MOST_BYTES = 16_384
_SUCCEEDED, _FAILED, _REFUSED = "succeeded", "failed", "refused"
_log = structlog.get_logger("aasim.connected_apps")


@dataclass(frozen=True)
class Request:
    """A requested call, and on whose behalf; with a `contract`, it is made only if `contract_of` returns that.

    `operation` is its name, or the method of an undeclared request, whose `arguments` are elsewhere.
    """

    operation: str
    arguments: Mapping[str, Any]
    idempotency_key: str
    execution_id: str | None
    step: str | None
    seconds: float
    contract: str | None = None
    should_stop: Callable[[], bool] = never


def call(app: "App", row: ConnectedApp, request: Request) -> Any:
    """The operation's result, a JSON value of at most 16 kB; raises `AppError`. Each call leaves a row in the app's log."""
    return cut(
        noted(app, row, request, lambda: _operation(row, request), lambda operation: _called(app, row, operation, request))
    )


def noted(app: "App", row: ConnectedApp, request: Request, find: Callable[[], Found], do: Callable[[Found], Result]) -> Result:
    """Return the result of `do` with the result of `find`, which sends nothing; both raise `AppError`, and a row in the app's log
    records the use."""
    began = time.monotonic()
    try:
        refuse_unless_usable(row)
        found = find()
    except AppError as error:
        _note(app, row, request, began, error, _REFUSED)
        raise
    try:
        result = do(found)
    except AppError as error:
        _note(app, row, request, began, error, _FAILED)
        raise
    _note(app, row, request, began, None, _SUCCEEDED)
    return result


def refuse_unless_usable(row: ConnectedApp) -> None:
    """`AppError` for an app that is halted, or not connected."""
    if row.halted_at is not None:
        raise AppError("halted", f"the app {row.name} is halted; nothing of it is used until somebody resumes it")
    if row.status not in USABLE:
        advice = "connect it first" if row.status == PENDING else "it must be reconnected"
        raise AppError("not_connected", f"the app {row.name} is {row.status}; {advice}")


def find_operation(app_id: str, name: str) -> AppOperation | None:
    """The operation of that name that agents may use, or None."""
    found: AppOperation | None = AppOperation.get_or_none(
        (AppOperation.app_id == app_id) & (AppOperation.name == name) & AppOperation.confirmed
    )
    return found


def _operation(row: ConnectedApp, request: Request) -> AppOperation:
    operation = find_operation(row.id, request.operation)
    if operation is None:
        raise AppError("not_found", f"the app {row.name} has no operation {request.operation[:80]} that may be used")
    broken = json_schema.violations(operation.parameters, request.arguments)
    if broken:
        path, message = broken[0]
        raise AppError("invalid_arguments", f"the arguments are not as {operation.name} takes them: {path}: {message}")
    return operation


def contract_of(connector: Connector, config: Mapping[str, Any], operation: AppOperation) -> str:
    """The SHA-256 of what a call of the operation does besides its arguments: where it goes, as what, and with which effect."""
    facts = (connector.name, connector.request(config, operation.name), operation.digest, operation.effect)
    return sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _called(app: "App", row: ConnectedApp, operation: AppOperation, request: Request) -> Any:
    connector = connector_of(app, row.provider)
    asked = Call(operation.name, request.arguments, request.idempotency_key)
    row, connection = with_good_tokens(app, row, connector, request.seconds)

    def answer(connection: Connection) -> Any:
        if request.contract not in (None, contract_of(connector, connection.config, operation)):
            raise AppError("changed", f"{operation.name} is not the operation any more that was decided on; nothing was sent")
        with hiding(connection):
            return hide(connection, keepable(connector.call(replace(connection, should_stop=request.should_stop), asked)))

    return with_one_refresh(app, row, connector, connection, answer)


def with_good_tokens(app: "App", row: ConnectedApp, connector: Connector, seconds: float) -> tuple[ConnectedApp, Connection]:
    """Return the app and its connection, with refreshed tokens where due; the old ones are used until a server refuses them permanently."""
    deadline = time.monotonic() + seconds
    connection = open_connection(app, row, seconds)
    if not refreshable(connector, connection) or not (is_due(row) or connection.tokens is None):
        return row, connection
    try:
        row = refresh(app, row, seconds)
    except AppError as error:
        still_good = connection.tokens is not None and row.expires_at is not None and row.expires_at > now()
        is_over = error.is_final or error.code in ("not_connected", "not_found")
        if is_over or not still_good:
            raise
        return row, connection
    return row, open_connection(app, row, deadline - time.monotonic())


def with_one_refresh(
    app: "App", row: ConnectedApp, connector: Connector, connection: Connection, ask: Callable[[Connection], Result]
) -> Result:
    """What `ask` gives, asked once more with new tokens where the app does not take the old ones; a failure is noted of the app."""
    try:
        return ask(connection)
    except AppError as error:
        if error.code != "auth" or not refreshable(connector, connection):
            note_failure(app, row, error)
            raise
    row = refresh(app, row, connection.seconds_left)
    try:
        return ask(open_connection(app, row, connection.seconds_left))
    except AppError as error:
        note_failure(app, row, error)
        raise


def _note(app: "App", row: ConnectedApp, request: Request, began: float, error: AppError | None, status: str) -> None:
    """Record the use; if the storage fails, it is only logged, and the response is not lost."""
    duration_ms = round((time.monotonic() - began) * 1000)

    def write() -> None:
        with app.database.transaction():
            records.create(
                Use, app_id=row.id, execution_id=request.execution_id, step=request.step, operation=request.operation[:120],
                status=status, code=error.code if error else None, duration_ms=duration_ms,
            )  # fmt: skip
            if status != _REFUSED:
                records.compare_and_set(row, {}, {"last_used_at": now()})
            if error is None:
                note_success(row)

    try:
        persist(write)
    except peewee.PeeweeException as failure:
        if fault_of(failure) is None:
            raise
        _log.warning(
            "the use of a connected app could not be recorded", error=kind_of(failure), execution_id=request.execution_id
        )


def cut(value: Any) -> Any:
    """The JSON value, or, where it is longer than an agent gets, the beginning of its text with a marker."""
    text = orjson.dumps(value)
    if len(text) <= MOST_BYTES:
        return value
    whole = value.encode() if isinstance(value, str) else text
    marker = f"… [cut: these are the first of {len(whole)} bytes]"
    return whole[: MOST_BYTES - 200].decode(errors="ignore") + marker
