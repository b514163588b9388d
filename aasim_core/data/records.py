"""The base of every table: the common fields of records, and the few ways to write them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import peewee

from ..clock import from_text, now
from ..context import EVERY_ORGANIZATION, current_organization, current_scope
from ..errors import Refused, not_found
from .database import Database
from .fields import IdField, InstantField, JsonField
from .scope import TENANT_COLUMN, ScopeViolation
from .statements import Bind

_MOST_PARAMETERS = 32_000  # SQLite's limit for one statement is 32,766, PostgreSQL's 65,535


class Row(peewee.Model):
    """The base class of every table; a subclass names its table in ``Meta``: ``table_name = "agents_agent"``.

    A table that only serves the installation's operation, such as a queue, sets ``internal = True``: its rows are left out of an
    organization's export.
    """

    if TYPE_CHECKING:
        _meta: ClassVar[Any]  # type: ignore[misc]
        # The Meta of a record takes nothing over from this one, as a class in its place would have to.
        Meta: ClassVar[Any]
    else:

        class Meta:
            legacy_table_names = False

    def __init__(self, **values: Any) -> None:
        """Create a record with these fields and defaults for the rest; it is not written."""
        if values.keys() <= self._meta.fields.keys():
            # peewee sets fields one by one through their descriptors, and computes unneeded defaults.
            constants, makers = _defaults(type(self))
            self.__data__ = {**constants, **values, **{name: make() for name, make in makers if name not in values}}
            self.__rel__, self._dirty = {}, set(self.__data__)
        else:
            super().__init__(**values)

    def row(self) -> dict[str, Any]:
        """Return the row as the database has it: strings, numbers, JSON text; keyed by field name."""
        read: dict[str, Any] | None = self.__dict__.get("as_read")
        if read is not None and not self.is_dirty():
            return read
        model = type(self)
        return {**_empty_row(model), **_column_values(model, self.__data__)}


class Record(Row):
    """A row with an id, a version that counts its changes, and the times of its creation and last change.

    A subclass also names the prefix of its ids in ``Meta``: ``id_prefix = "agent"``; in a plugin that is not bundled, the plugin's name, or
    that with an underscore and more. ``label = "title"`` names the field that labels the record in events, if not `name`. A record without
    an organization, whose rows all organizations see, sets ``common = True``. One whose readers of events know another version sets
    ``has_revisions = False``.
    """

    id = IdField(primary_key=True)
    version = peewee.BigIntegerField(default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)


class TenantRecord(Record):
    """A row that belongs to one organization, visible only in that organization's scope."""

    organization_id = IdField(default=current_organization)


def is_tenant(model: type[Row]) -> bool:
    """Return whether the rows of `model` belong to organizations."""
    return TENANT_COLUMN in model._meta.columns


def database_of(model: type[Row]) -> Database:
    """Return the database that `model` is bound to."""
    database: Database = model._meta.database
    return database


def create(model: type[Record], /, **values: Any) -> Any:
    """Insert a new row and return its record; keys are field names, defaults fill the rest."""
    record = model(**values)
    insert(record)
    return record


def insert(record: Record) -> None:
    """Write a new record; IntegrityError, now or at the latest when the transaction ends, when it violates a constraint."""
    row = record.row()
    insert_rows(type(record), [row])
    _note_revision(record, record.version)
    _mark_as_read(record, row)


def insert_rows(model: type[Row], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write complete rows (as returned by `Record.row`), in as few statements as the database's parameter limit permits."""
    database = database_of(model)
    scope = current_scope() if is_tenant(model) else EVERY_ORGANIZATION
    if scope != EVERY_ORGANIZATION and any(row[TENANT_COLUMN] != scope for row in rows):
        raise ScopeViolation("a row's organization is the one in scope, and cannot be another")
    most = _MOST_PARAMETERS // len(model._meta.sorted_fields)
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        statement = database.statement(_insert_query, model, len(some))
        database.run_later(statement, [row[name] for row in some for name in model._meta.sorted_field_names])


def _insert_query(model: type[Row], count: int) -> Any:
    fields = model._meta.sorted_fields
    mine = is_tenant(model) and current_scope() != EVERY_ORGANIZATION
    row = [current_scope() if mine and field.name == TENANT_COLUMN else Bind(field.name) for field in fields]
    rows = [row] * count
    return peewee.Insert(model._meta.table, rows, columns=[_column(model, field) for field in fields], returning=())


def _column(model: type[Row], field: peewee.Field) -> Any:
    return getattr(model._meta.table, field.column_name)


def change(record: Record, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Write the changed fields in `values`, and return ``{field: [before, after]}``.

    Raises Refused ``version_conflict`` when the record was changed since it was read.
    """
    changed = {name: [getattr(record, name), value] for name, value in values.items() if getattr(record, name) != value}
    if not changed:
        return {}
    seen = record.version
    updates = {name: value for name, (_, value) in changed.items()} | {"version": seen + 1, "updated_at": now()}
    if not compare_and_set(record, {"version": seen}, updates):
        raise Refused("version_conflict", "Somebody else changed this object meanwhile; read it again and repeat the change.")
    return changed


@dataclass(frozen=True)
class Returning:
    """What to read from a row after a change: the code of `columns` is the cache key of the statement.

    `tell` is called with their values after the change; in an optimistic transaction, at its end.
    """

    columns: Callable[[], Sequence[Any]]
    tell: Callable[[Sequence[Any]], object]


def compare_and_set(
    record: Record, seen: Mapping[str, Any], updates: Mapping[str, Any], returning: Returning | None = None
) -> bool:
    """Write `updates` to the row and the record if the row still has the values in `seen`; otherwise return False.

    An optimistic transaction (see `ScopedDatabase.attempt`) checks at its end, and restores the record on a conflict.
    """
    model: Any = type(record)
    database, data, dirty = database_of(model), record.__data__, record._dirty
    empty = tuple([name for name, value in seen.items() if value is None])
    columns, tell = (None, None) if returning is None else (returning.columns, returning.tell)
    statement = database.statement(_change_query, model, tuple(seen), empty, tuple(updates), columns)
    expected = {f"seen_{name}": value for name, value in _column_values(model, {"id": record.id, **seen}).items()}
    if not statement.change_one(database, {**_column_values(model, updates), **expected}, tell, record.id):
        return False
    database.on_rollback(partial(_put_back, record, data, dirty))
    record.__data__, record._dirty = {**data, **updates}, dirty | updates.keys()
    if "version" in updates:
        _note_revision(record, updates["version"])
    return True


def _column_values(model: type[Row], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of these fields as the database has them."""
    writers = _writers(model)
    return {
        name: value if value is None or type(value) is plain else write(value)
        for name, value in values.items()
        for plain, write in [writers[name]]
    }


def _note_revision(record: Record, version: int) -> None:
    if getattr(record._meta, "has_revisions", True):
        database_of(type(record)).note_revision(record.id, version)


def _change_query(
    model: type[Record],
    seen: Sequence[str],
    empty: Sequence[str],
    updates: Sequence[str],
    columns: Callable[[], Sequence[Any]] | None,
) -> Any:
    fields = model._meta.fields
    same = [fields[name].is_null() if name in empty else fields[name] == Bind(f"seen_{name}") for name in ("id", *seen)]
    query = model.update({fields[name]: Bind(name) for name in updates}).where(*same)
    return query if columns is None else query.returning(*columns())


def _put_back(record: Any, data: dict[str, Any], dirty: set[str]) -> None:
    record.__data__, record._dirty = data, dirty


def remove(record: Record) -> None:
    """Delete the record's row in its last version; raises the uniform 404 when it no longer exists."""
    model: Any = type(record)
    deleted = list(model.delete().where(model.id == record.id).returning(model.version).tuples().execute())
    if not deleted:
        raise not_found()
    _note_revision(record, deleted[0][0] + 1)


def find(model: type[Any], record_id: str) -> Any:
    """Return the record of that id in the organization in scope; raises the uniform 404."""
    record = find_or_none(model, record_id)
    if record is None:
        raise not_found()
    return record


def find_or_none(model: type[Any], record_id: str) -> Any:
    """Return the record of that id in the organization in scope, or None."""
    row = read_row(model, record_id)
    return None if row is None else to_record(model, row)


def read_row(model: type[Any], record_id: str) -> dict[str, Any] | None:
    """Return the row of that id as the database has it, keyed by field name, or None; the fastest way to read one object."""
    database = database_of(model)
    values = database.statement(_read_query, model).run(database, {"id": record_id}).fetchone()
    return None if values is None else row_of(model, values)


def _read_query(model: type[Any]) -> Any:
    return model.select(*model._meta.sorted_fields).where(model.id == Bind("id"))


def row_of(model: type[Any], values: Sequence[Any]) -> dict[str, Any]:
    """Return the row whose columns are `values`, in the order of the model's fields, keyed by field name."""
    return dict(zip(model._meta.sorted_field_names, values, strict=True))


def to_record(model: type[Any], row: Mapping[str, Any]) -> Any:
    """Return the record of a `row` as returned by `read_row`."""
    record: Any = object.__new__(model)
    data = record.__data__ = dict(row)
    for name, read in _readers(model):  # type: ignore[arg-type]
        if data[name] is not None:
            data[name] = read(data[name])
    record.__rel__ = {}
    _mark_as_read(record, row)
    return record


def _mark_as_read(record: Any, row: Mapping[str, Any]) -> None:
    """Remember the record's row as the database has it, so that a response need not rebuild it."""
    record._dirty, record.as_read = set(), row


@cache
def _defaults(model: type[Row]) -> tuple[Mapping[str, Any], Sequence[tuple[str, Callable[[], Any]]]]:
    """Return the constant defaults, and the functions that compute the others."""
    defaults = {field.name: field.default for field in model._meta.sorted_fields if field.default is not None}
    makers = [(name, default) for name, default in defaults.items() if callable(default)]
    return {name: default for name, default in defaults.items() if not callable(default)}, makers


@cache
def _empty_row(model: type[Row]) -> Mapping[str, None]:
    """Return a row of the model without values."""
    return dict.fromkeys(model._meta.sorted_field_names)


@cache
def _writers(model: type[Row]) -> Mapping[str, tuple[type | None, Callable[[Any], Any]]]:
    """Return, per field, the types that the database takes unchanged, and the conversion for any other."""
    return {field.name: (_plain_type(field), field.db_value) for field in model._meta.sorted_fields}


def _plain_type(field: peewee.Field) -> type | None:
    if isinstance(field, InstantField | JsonField):
        return None
    return str if isinstance(field, peewee.TextField) else int if isinstance(field, peewee.IntegerField) else None


#: Converts a non-null column value to a record's, for the types where they differ.
_READ: Mapping[type[peewee.Field], Callable[[Any], Any]] = {
    JsonField: orjson.loads, InstantField: from_text, peewee.BooleanField: bool,
}  # fmt: skip


@cache
def _readers(model: type[Row]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    differing: list[Any] = [field for field in model._meta.sorted_fields if isinstance(field, tuple(_READ))]
    return tuple((field.name, _READ.get(type(field), field.python_value)) for field in differing)
