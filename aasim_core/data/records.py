"""The base of every table: what a record has, and the few ways in which it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import peewee

from ..clock import from_text, now
from ..context import EVERY_ORGANIZATION, current_organization, current_scope
from ..errors import Refused, not_found
from .fields import IdField, InstantField, JsonField
from .foresight import Reading
from .scope import TENANT_COLUMN, ScopeViolation
from .statements import Bind

if TYPE_CHECKING:
    from .connect import Database

_MOST_PARAMETERS = 32_000  # SQLite's limit for one statement is 32,766, PostgreSQL's 65,535


class Row(peewee.Model):
    """The base of every table's class; a subclass names its table in ``Meta``: ``table_name = "agents_agent"``.

    A table that is only there for the working of the installation, such as a queue, says ``internal = True``: no organization is given
    its rows when it exports what it has.
    """

    if TYPE_CHECKING:
        _meta: ClassVar[Any]  # type: ignore[misc]

    class Meta:
        legacy_table_names = False

    def __init__(self, **values: Any) -> None:
        """Make a record with these fields, defaults for the rest; it is not written."""
        if values.keys() <= self._meta.fields.keys():
            # peewee sets one field after the other, each through its descriptor, and makes defaults that are not needed.
            absent = [(name, default) for name, default in _defaults(type(self)) if name not in values]
            self.__data__ = {name: default() if callable(default) else default for name, default in absent} | values
            self.__rel__, self._dirty = {}, set(self.__data__)
        else:
            super().__init__(**values)

    def row(self) -> dict[str, Any]:
        """The row as the database has it: texts, numbers, JSON text; keyed by field name."""
        read: dict[str, Any] | None = self.__dict__.get("as_read")
        if read is not None and not self.is_dirty():
            return read
        data: Any = self.__data__
        return {
            name: value if (value := data.get(name)) is None or type(value) is plain else write(value)
            for name, plain, write in _writers(type(self))
        }


class Record(Row):
    """A row with an id, a version that counts its changes, and the times of its making and last change.

    A subclass also names the prefix of its ids in ``Meta``: ``id_prefix = "agent"``.
    """

    id = IdField(primary_key=True)
    version = peewee.BigIntegerField(default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)


class TenantRecord(Record):
    """A row that belongs to one organization; it is visible in that organization's scope only."""

    organization_id = IdField(default=current_organization)


def is_tenant(model: type[Row]) -> bool:
    """Whether the rows of `model` belong to organizations."""
    return TENANT_COLUMN in model._meta.columns


def database_of(model: type[Row]) -> "Database":
    """The database that `model` is bound to."""
    database: Database = model._meta.database
    return database


def create(model: type[Record], /, **values: Any) -> Any:
    """Insert a new row and return its record; keys are field names, defaults fill the rest."""
    record = model(**values)
    insert(record)
    return record


def insert(record: Record) -> None:
    """Write a new record; IntegrityError, now or by the end of the transaction, when it breaks a constraint."""
    row = record.row()
    insert_rows(type(record), [row])
    _mark_as_read(record, row)


def insert_rows(model: type[Row], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write complete rows (as `Record.row` gives them), in as few statements as the database's limit of parameters allows."""
    database = database_of(model)
    if is_tenant(model) and any(row[TENANT_COLUMN] != current_scope() != EVERY_ORGANIZATION for row in rows):
        raise ScopeViolation("a row's organization is the one in scope, and cannot be another")
    most = _MOST_PARAMETERS // len(model._meta.sorted_fields)
    for some in (rows[start : start + most] for start in range(0, len(rows), most)):
        statement = database.statement(("insert", model, len(some)), partial(_insert_query, model, len(some)))
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
    """Write the fields in `values` that differ, and return ``{field: [before, after]}``.

    Raises Refused ``version_conflict`` when somebody else changed the record since it was read.
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
class Readback:
    """What is to be read of a row as it is once it has been changed: `columns` are named `shape` among compiled statements.

    `tell` is called with their values when the change has been made: in an optimistic transaction at its end.
    """

    shape: str
    columns: Callable[[], Sequence[Any]]
    tell: Callable[[Sequence[Any]], object]


def compare_and_set(
    record: Record, seen: Mapping[str, Any], updates: Mapping[str, Any], readback: Readback | None = None
) -> bool:
    """Write `updates` to the row and the record, if the row still has the values in `seen`; False if it has not.

    An optimistic transaction (see `ScopedDatabase.attempt`) looks at its end, and puts the record back if it has not.
    """
    model = type(record)
    fields, database = model._meta.fields, database_of(model)

    empty = tuple(name for name, value in seen.items() if value is None)

    def build() -> Any:
        same = [fields[name].is_null() if name in empty else fields[name] == Bind(f"seen_{name}") for name in ("id", *seen)]
        query = model.update({fields[name]: Bind(name) for name in updates}).where(*same)
        return query if readback is None else query.returning(*readback.columns())

    shape, tell = (None, None) if readback is None else (readback.shape, readback.tell)
    statement = database.statement(
        ("compare and set", model, *seen, "of them empty", *empty, "to", *updates, "giving", shape), build
    )
    values = {name: fields[name].db_value(value) for name, value in updates.items()}
    expected = {f"seen_{name}": fields[name].db_value(value) for name, value in seen.items()}
    if not statement.change_one(database, {**values, **expected, "seen_id": record.id}, tell):
        return False
    database.on_mistake(partial(_put_back, record, dict(record.__data__), set(record._dirty)))
    for name, value in updates.items():
        setattr(record, name, value)
    return True


def _put_back(record: Any, data: dict[str, Any], dirty: set[str]) -> None:
    record.__data__, record._dirty = data, dirty


def remove(record: Record) -> None:
    """Delete the record's row; raises the one 404 when it is gone already."""
    model = type(record)
    if not model.delete().where(model.id == record.id).execute():
        raise not_found()


def find(model: type[Any], record_id: str) -> Any:
    """The record of that id in the organization in scope; raises the one 404."""
    record = find_or_none(model, record_id)
    if record is None:
        raise not_found()
    return record


def find_or_none(model: type[Any], record_id: str) -> Any:
    """The record of that id in the organization in scope, or None."""
    row = read_row(model, record_id)
    return None if row is None else to_record(model, row)


def read_row(model: type[Any], record_id: str) -> dict[str, Any] | None:
    """The row of that id as the database has it, keyed by field name, or None; the quick way to read one object."""
    statement, parameters, _ = _reading(model, record_id)
    values = database_of(model).run_compiled(statement, parameters).fetchone()
    return None if values is None else row_of(model, values)


def foresee(model: type[Any], record_id: str) -> None:
    """Say that `read_row` will soon be asked for this row; see `ScopedDatabase.foresee`."""
    database_of(model).foresee(lambda: _reading(model, record_id))


def _reading(model: type[Any], record_id: str) -> Reading:
    fields = model._meta.sorted_fields
    statement = database_of(model).statement(("read", model), lambda: model.select(*fields).where(model.id == Bind("id")))
    return Reading(statement, statement.bound({"id": record_id}), len(fields))


def row_of(model: type[Any], values: Sequence[Any]) -> dict[str, Any]:
    """The row whose columns are `values`, in the order of the model's fields, keyed by field name."""
    return dict(zip(model._meta.sorted_field_names, values, strict=True))


def to_record(model: type[Any], row: Mapping[str, Any]) -> Any:
    """The record that `row`, as `read_row` gives it, stands for."""
    record: Any = object.__new__(model)
    data = record.__data__ = dict(row)
    for name, read in _readers(model):  # type: ignore[arg-type]
        if data[name] is not None:
            data[name] = read(data[name])
    record.__rel__ = {}
    _mark_as_read(record, row)
    return record


def _mark_as_read(record: Any, row: Mapping[str, Any]) -> None:
    """Note that the database has the record as this row, so that an answer need not make it anew."""
    record._dirty, record.as_read = set(), row


@cache
def _defaults(model: type[Row]) -> tuple[tuple[str, Any], ...]:
    """The default of each field that has one; what can be called makes it."""
    return tuple((field.name, field.default) for field in model._meta.sorted_fields if field.default is not None)


@cache
def _writers(model: type[Row]) -> tuple[tuple[str, type | None, Callable[[Any], Any]], ...]:
    """For each field, the type of what goes into the database as it is, and what turns anything else into the column's value."""
    return tuple((field.name, _plain_type(field), field.db_value) for field in model._meta.sorted_fields)


def _plain_type(field: peewee.Field) -> type | None:
    if isinstance(field, InstantField | JsonField):
        return None
    return str if isinstance(field, peewee.TextField) else int if isinstance(field, peewee.IntegerField) else None


#: What makes a record's value of a column's that is not empty, for the types of which they differ.
_READ: Mapping[type[peewee.Field], Callable[[Any], Any]] = {
    JsonField: orjson.loads,
    InstantField: from_text,
    peewee.BooleanField: bool,
}


@cache
def _readers(model: type[Row]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    differing: list[Any] = [field for field in model._meta.sorted_fields if isinstance(field, tuple(_READ))]
    return tuple((field.name, _READ.get(type(field), field.python_value)) for field in differing)
