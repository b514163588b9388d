"""Erase a person's names and addresses from the log, so that its chain can still be verified.

Events that the person caused lose their label and network address; events about their account lose the label, the changes and the data.
Times, actions and ids stay. The entries keep the digests of the erased contents, see `formats`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import peewee

from ...data import history
from ...data.compiled import compiled
from ...data.statements import Bind, in_text
from ..log import Subject, emit, scope_of
from ..records import EventRow
from . import anchors
from .anchors import Link
from .entries import COLUMNS, ChainEntry, columns
from .formats import BLANK, CONTENTS, PARTS, NotWhole, after_erasing, commitment, hash_of, new_salt

if TYPE_CHECKING:
    from ...data.database import Database
    from ...secrets import Keyring

ERASED = "core.person_erased"
#: The contents to erase of an event, by the column that names the person.
_CONTENTS: Mapping[str, tuple[str, ...]] = {
    "actor_id": ("actor.label", "actor.ip"),
    "subject_id": ("subject.label", "changes", "data"),
}
_AT_ONCE = 500


def erase_some(database: "Database", keyring: "Keyring", organization_id: str, user_id: str) -> int:
    """Erase the person from some of the organization's events; returns how many, 0 when none is left. Needs its scope, or a system scope.

    An event that differs from what was sealed loses its contents as well, and still counts as changed.
    """
    with database.transaction():
        database.lock(f"event chain {organization_id}")
        history.allow_erasing(database)
        count = sum(_erase_where(keyring, organization_id, user_id, column) for column in _CONTENTS)
        if count:
            about = Subject("organization", organization_id, organization_id)
            emit(ERASED, about, organization_id=organization_id, data={"user_id": user_id, "events": count})
        return count


def _erase_where(keyring: "Keyring", organization_id: str, user_id: str, column: str) -> int:
    rows, parts = _rows(organization_id, user_id, column), _CONTENTS[column]
    for row in rows:
        _keep_digests(keyring, row, parts)
        EventRow.update({PARTS[part]: BLANK[part] for part in parts}).where(EventRow.id == row["id"]).execute()
    return len(rows)


def _rows(organization_id: str, user_id: str, column: str) -> list[dict[str, Any]]:
    with scope_of(organization_id):
        rows = _with_contents.all(column, organization=organization_id, user=user_id)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


@compiled(EventRow)
def _with_contents(column: str) -> Any:
    """Events that name the person in `column`, and have contents to erase."""
    query: Any = EventRow.select(*columns())
    query = query.join_from(EventRow, ChainEntry, peewee.JOIN.LEFT_OUTER, on=ChainEntry.event_id == EventRow.id)
    has_some = peewee.Value(False)
    for part in _CONTENTS[column]:
        field = getattr(EventRow, PARTS[part])
        has_some |= field.is_null(False) if BLANK[part] is None else field != BLANK[part]
    here = (EventRow.organization_id == Bind("organization")) & (getattr(EventRow, column) == Bind("user"))
    return query.where(here, has_some).limit(in_text(_AT_ONCE))


def _keep_digests(keyring: "Keyring", row: dict[str, Any], parts: tuple[str, ...]) -> None:
    """Let the entry of the event, if it is sealed, keep what it takes to verify it without these contents."""
    if row["sequence"] is None:
        return
    try:
        if row["version"] == CONTENTS and row["erased"] is None:
            _vouch(keyring, row)
        erased = after_erasing(row, parts)
    except NotWhole:
        return
    if erased is not None:
        ChainEntry.update(salt=None, erased=erased).where(ChainEntry.event_id == row["id"]).execute()


def _vouch(keyring: "Keyring", row: dict[str, Any]) -> None:
    """Anchor the digests of an event whose hash is made of its contents, if that is what it was sealed with."""
    is_whole = hash_of(row) == row["hash"]
    row["salt"] = new_salt()
    if is_whole:
        anchors.write(keyring, row["organization_id"], anchors.ERASED, Link(row["sequence"], commitment(row)))
