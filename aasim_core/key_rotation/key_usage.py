"""The keys that are still needed, by sealed values or valid signatures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..clock import now
from ..context import system_scope
from ..data.records import database_of
from ..errors import StartupError
from ..secrets.key_file import LOOK_SECONDS
from .records import KeyRow, SealedColumn
from .sealed_columns import Column, columns_of, declared

if TYPE_CHECKING:
    from ..app import App


@dataclass(frozen=True)
class KeyUse:
    """The usage of one key.

    It is `current` if new values and signatures are made with it. `values` is the number of values it sealed, by ``table.column``;
    `signed_until`, when its last signature expires.
    """

    key_id: str
    in_ring: bool
    current: bool = False
    values: Mapping[str, int] = field(default_factory=dict)
    signed_until: datetime | None = None

    @property
    def need(self) -> str | None:
        """What needs the key, as the end of a sentence, or None."""
        if count := sum(self.values.values()):
            places = ", ".join(f"{place} {number}" for place, number in self.values.items())
            return f"{count} stored {'value needs' if count == 1 else 'values need'} it ({places})"
        if self.current:
            return "it is the one in use"
        if self.signed_until is not None and self.signed_until > now():
            return f"what it signed is good until {self.signed_until:%Y-%m-%d %H:%M} UTC"
        return None


def refuse_missing(app: "App") -> None:
    """StartupError when a key that something needs is not in the ring; else note which key and columns are in use.

    Stored values are looked through only where a key that was in use is missing.
    """
    with system_scope("see which keys are needed"):
        forget(refuse_lost(app))
        note_newest(app)
        _note_columns(app)


def refuse_lost(app: "App") -> list[str]:
    """StartupError when a key that something needs is not in the ring; returns the lost ones that nothing needs any more."""
    with system_scope("see which keys are needed"):
        ring = set(app.keyring.key_ids)
        known = _known()
        lost = [key_id for key_id in known if key_id not in ring]
        columns = columns_of(app) if lost else []
        if needs := [(use.key_id, use.need) for use in _uses(app, lost, known, columns) if use.need]:
            raise StartupError(*(_fault(app, key_id, need) for key_id, need in needs))
        return lost


def _fault(app: "App", key_id: str, need: str) -> str:
    return (
        f"the key {key_id} is not in the key file {app.settings.secrets.key_file}, and {need}; "
        f"put it back, or continue without it: aasim secrets forget {key_id}"
    )


def note_newest(app: "App") -> None:
    """Note that the ring's newest key is in use from now on."""
    newest = app.keyring.key_ids[0]
    if not KeyRow.select().where(KeyRow.id == newest).exists():
        with app.database.transaction():
            KeyRow.insert(id=newest, known_since=now()).on_conflict_ignore().execute()


def _note_columns(app: "App") -> None:
    noted = {(row.table_name, row.column_name) for row in SealedColumn.select()}
    if new := sorted(declared(app.models) - noted):
        with app.database.transaction():
            for table, column in new:
                SealedColumn.insert(table_name=table, column_name=column).on_conflict_ignore().execute()


def forget(key_ids: Iterable[str]) -> None:
    """Let processes start without the keys."""
    if ids := list(key_ids):
        with database_of(KeyRow).transaction():
            KeyRow.delete().where(KeyRow.id.in_(ids)).execute()


def survey(app: "App") -> list[KeyUse]:
    """Every key that is in the ring, was in use, or sealed a value, the ring's first, newest first. Reads all sealed values."""
    with system_scope("count what keys have sealed"):
        columns = columns_of(app)
        known = _known()
        known.setdefault(app.keyring.key_ids[0], now())
        ids = dict.fromkeys((*app.keyring.key_ids, *known))
        for column in columns:
            while (other := column.other_key(ids)) is not None:
                ids[other] = None
        return _uses(app, ids, known, columns)


def _known() -> dict[str, datetime]:
    return {row.id: row.known_since for row in KeyRow.select().order_by(KeyRow.known_since.desc())}


def _uses(app: "App", key_ids: Iterable[str], known: Mapping[str, datetime], columns: list[Column]) -> list[KeyUse]:
    good_for = timedelta(seconds=LOOK_SECONDS + _longest_life(app))
    uses = []
    for key_id in key_ids:
        since = known.get(key_id)
        later = [other for other in known.values() if since is not None and other > since]
        uses.append(
            KeyUse(
                key_id,
                in_ring=key_id in app.keyring.key_ids,
                current=since is not None and not later,
                values={str(column): count for column in columns if (count := column.count(key_id))},
                signed_until=min(later) + good_for if later else None,
            )
        )
    return uses


def _longest_life(app: "App") -> int:
    """How many seconds what a key signed is good for: access tokens, and the digests of requests that may be sent again."""
    kept = (endpoint.operation.keep_seconds for endpoint in app.endpoints)
    return max(app.settings.auth.access_token_seconds, *kept)
