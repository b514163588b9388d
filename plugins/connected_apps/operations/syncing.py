"""Sync an app's operations from its configuration or from the app itself; changes there require confirmation."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.clock import now
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events.log import emit
from aasim_core.text.json import keepable
from aasim_core.user_code import json_schema

from ..connecting import EFFECTS, AppError, Connector, Operation
from ..credentials.vault import hide, hiding
from ..models import AppOperation, ConnectedApp
from ..registry import connector_of
from .calling import with_good_tokens

if TYPE_CHECKING:
    from aasim_core.app import App

#: Maximum number of operations, and size of each one's description.
MOST_OPERATIONS = 200
_MOST_TEXT, _MOST_SCHEMA = 4_000, 32_768
_SECONDS = 60.0


def write_declared(row: ConnectedApp, connector: Connector) -> None:
    """Make the operations those of the configuration, where it says them: who wrote it has confirmed them. Needs a transaction."""
    if connector.sync is None:
        _write(row, {operation.name: operation for operation in connector.operations(row.config)}, confirmed=lambda name: True)


def sync(app: "App", row: ConnectedApp) -> None:
    """Read the app's operations; raises `AppError`. Call it outside of transactions.

    The first operations are confirmed along with the app; later additions and changes must be confirmed by a person.
    """
    connector = connector_of(app, row.provider)
    found: Mapping[str, Operation] = {}
    if connector.sync is not None:
        row, connection = with_good_tokens(app, row, connector, _SECONDS)
        with hiding(connection):
            offered = connector.sync(connection)
        found = {operation.name: operation for operation in _readable(hide(connection, [_told(each) for each in offered]))}
    with app.database.transaction():
        current: ConnectedApp | None = records.find_or_none(ConnectedApp, row.id)
        if current is None:
            return
        row, is_first = current, current.synced_at is None
        if connector.sync is not None:
            _write(row, found, confirmed=lambda name: is_first)
        waiting = AppOperation.select().where(AppOperation.app_id == row.id, ~AppOperation.confirmed).count()
        records.compare_and_set(row, {}, {"synced_at": now(), "version": row.version + 1, "updated_at": now()})
        emit("connected_apps.synced", row, data={"operations": _count(row.id), "unconfirmed": waiting})


def answered_since(row: ConnectedApp) -> Mapping[str, Any] | None:
    """The app as it is now, if it has been read what it can do since it was `row`, or has failed; or else None."""
    present, before = records.read_row(ConnectedApp, row.id), row.row()
    is_answer = present is not None and any(present[name] != before[name] for name in ("synced_at", "last_error"))
    return present if is_answer else None


def confirm(row: ConnectedApp, digests: Sequence[str]) -> None:
    """Let agents use the operations of these digests; Refused ``action_changed`` for one that is not there in this form any more.

    Needs a transaction.
    """
    for digest in digests:
        found = _of_digest(row, digest)
        if records.change(found, {"confirmed": True}):
            emit("connected_apps.operation_confirmed", row, data={"operation": found.name, "digest": digest})


def _of_digest(row: ConnectedApp, digest: str) -> AppOperation:
    found: AppOperation | None = AppOperation.get_or_none((AppOperation.app_id == row.id) & (AppOperation.digest == digest))
    if found is None:
        message = (
            "An operation has changed since you read it; read the operations again, and send the digests that they have now."
        )
        raise Refused("action_changed", message, meta={"digest": digest})
    return found


def set_effect(row: ConnectedApp, digest: str, effect: str | None) -> AppOperation:
    """Override the effect of the operation with this digest; None returns to the app's statement. It lasts until the app changes the
    operation.

    Refused ``action_changed`` as `confirm` does. Needs a transaction.
    """
    found = _of_digest(row, digest)
    told = found.told_effect or found.effect
    wanted = told if effect is None else effect
    changed = records.change(found, {"effect": wanted, "told_effect": None if wanted == told else told})
    if "effect" in changed:
        data = {"operation": found.name, "digest": digest}
        emit("connected_apps.effect_set", row, data=data, changes={"effect": changed["effect"]})
    return found


def digest_of(operation: Operation) -> str:
    """Return the SHA-256 of everything that an agent sees of it."""
    told = _told(operation)
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()


def refuse_bad_operations(operations: Sequence[Operation]) -> None:
    """Invalid for operations of a configuration of which two have one name, or that take arguments by no schema."""
    names = [operation.name for operation in operations]
    for number, operation in enumerate(operations):
        flaw = json_schema.flaw(operation.parameters)
        if flaw is not None:
            raise Invalid({f"config.operations[{number}].arguments": [Problem("invalid_format", flaw)]})
        if operation.name in names[:number]:
            raise Invalid({f"config.operations[{number}].name": [Problem("not_unique", "Another operation has this name.")]})


def _told(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name, "description": operation.description, "parameters": dict(operation.parameters),
        "effect": operation.effect, "idempotent": operation.idempotent,
    }  # fmt: skip


def _readable(told: Sequence[Mapping[str, Any]]) -> list[Operation]:
    """The operations that can be stored; `AppError` where an app lists too much."""
    if len(told) > MOST_OPERATIONS:
        raise AppError("too_large", f"the app offers {len(told)} operations, and {MOST_OPERATIONS} is the most")
    return [Operation(**each) for each in told if _is_readable(each)]


def _is_readable(told: Mapping[str, Any]) -> bool:
    is_short = 0 < len(told["name"]) <= 120 and len(told["description"]) <= _MOST_TEXT
    is_known = told["effect"] in EFFECTS and keepable(told) == told
    return is_short and is_known and len(orjson.dumps(told)) <= _MOST_SCHEMA and json_schema.flaw(told["parameters"]) is None


def _write(row: ConnectedApp, wanted: Mapping[str, Operation], confirmed: Any) -> None:
    """Synchronize the app's rows with the operations; unchanged ones stay confirmed."""
    present = {each.name: each for each in AppOperation.select().where(AppOperation.app_id == row.id)}
    for name, gone in present.items():
        if name not in wanted:
            records.remove(gone)
    for name, operation in wanted.items():
        digest = digest_of(operation)
        values = {**_told(operation), "digest": digest}
        if name not in present:
            records.create(AppOperation, app_id=row.id, confirmed=confirmed(name), **values)
        elif present[name].digest != digest:
            records.change(present[name], {**values, "told_effect": None, "confirmed": confirmed(name)})


def _count(app_id: str) -> int:
    return int(AppOperation.select().where(AppOperation.app_id == app_id).count())
