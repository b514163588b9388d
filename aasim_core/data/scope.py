"""The tenant scope, applied where peewee renders a table, so that no query can be written that forgets it.

Every source (FROM, JOIN, alias, sub-query, CTE) of a tenant's table becomes a sub-select of the organization's rows; updates,
deletes and upserts get the organization as a condition; inserts may name no other organization. What is not rendered through
peewee's nodes (raw SQL) is counted by `refuse_unscoped` before it is executed.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import peewee
from peewee import SCOPE_SOURCE, Column, Context, Entity, Expression

from ..context import EVERY_ORGANIZATION, current_scope

TENANT_COLUMN = "organization_id"


class ScopeViolation(RuntimeError):
    """A statement would read or write rows of another organization, or cannot be shown not to."""


class ScopedContext(Context):
    """Renders queries so that they see the organization in scope only."""

    __slots__ = ()

    def sql(self, obj: Any) -> Context:
        """Render `obj`; peewee calls this for every node of a query."""
        if peewee.is_model(obj):
            obj = obj._meta.table
        if isinstance(obj, peewee.Table | peewee.ModelAlias):
            if self.scope == SCOPE_SOURCE and self._is_scoped(obj):
                return self._source(obj)
        elif isinstance(obj, peewee._WriteQuery) and not hasattr(obj, "scoped") and self._is_scoped(obj.table):
            obj = _restrict(obj)
        return super().sql(obj)

    def _is_scoped(self, table: Any) -> bool:
        return _table_name(table) in (self.state.tenant_tables or ()) and current_scope() != EVERY_ORGANIZATION

    def _source(self, table: Any) -> Context:
        name = _table_name(table)
        self.literal("(SELECT * FROM ").sql(Entity(name)).literal(" WHERE ").sql(Entity(name, TENANT_COLUMN))
        self.literal(" = ").value(current_scope(), converter=False)
        self.literal(")")
        alias = table.alias if isinstance(table, peewee.ModelAlias) else table._alias
        if alias:
            self.alias_manager[table] = alias
        return self.literal(" AS ").sql(Entity(self.alias_manager[table]))


def _table_name(table: Any) -> str:
    if isinstance(table, peewee.ModelAlias):
        table = table.model
    if peewee.is_model(table):
        return str(table._meta.table_name)
    return str(getattr(table, "__name__", ""))


def _restrict(query: Any) -> Any:
    query = copy.copy(query)
    query.scoped = True
    if isinstance(query, peewee.Insert):
        _restrict_insert(query)
    else:
        if isinstance(query, peewee.Update):
            _refuse_other_organization(query._update)
        query._where = _within(query.table, query._where)
    return query


def _within(table: Any, where: Any) -> Any:
    """The condition `where`, in brackets (it may be raw SQL with an OR), and the organization in scope."""
    column = getattr(table, TENANT_COLUMN) if peewee.is_model(table) else Column(table, TENANT_COLUMN)
    own = Expression(column, peewee.OP.EQ, peewee.Value(current_scope(), converter=False))
    return own if where is None else Expression(own, peewee.OP.AND, peewee.EnclosedNodeList((where,)))


def _restrict_insert(query: Any) -> None:
    rows = query._insert
    if isinstance(rows, peewee.SelectQuery | peewee.SQL):
        raise ScopeViolation("INSERT … SELECT into a tenant's table cannot be checked; read the rows and insert them")
    if isinstance(rows, Mapping):
        _refuse_other_organization(rows)
    else:
        query._insert = rows = list(rows)
        _check_rows(rows, query._columns or query.get_default_columns())
    if query._on_conflict is not None:
        query._on_conflict = _restrict_conflict(query.table, query._on_conflict)


def _check_rows(rows: Sequence[Any], columns: Sequence[Any] | None) -> None:
    names = [_column_name(column) for column in columns or ()]
    for row in rows:
        _refuse_other_organization(row if isinstance(row, Mapping) else dict(zip(names, row, strict=False)))


def _restrict_conflict(table: Any, conflict: Any) -> Any:
    if conflict._action and conflict._action.upper() == "REPLACE":
        raise ScopeViolation("REPLACE can delete another organization's row; use on_conflict(conflict_target=…, update=…)")
    if conflict._action:
        return conflict
    conflict = copy.copy(conflict)
    touched = {_column_name(column) for column in (*(conflict._preserve or ()), *(conflict._update or ()))}
    if TENANT_COLUMN in touched:
        raise ScopeViolation("an upsert cannot move a row to another organization")
    conflict._where = _within(table, conflict._where)
    return conflict


def _refuse_other_organization(values: Mapping[Any, Any]) -> None:
    for column, value in values.items():
        if _column_name(column) == TENANT_COLUMN and value != current_scope():
            raise ScopeViolation("a row's organization is the one in scope, and cannot be set to another")


def _column_name(column: Any) -> str:
    return str(getattr(column, "column_name", getattr(column, "name", column)))


@lru_cache(maxsize=4096)
def _mentions(sql: str, tenant_tables: frozenset[str]) -> int:
    """How often `sql` names a tenant's table other than to qualify a column."""
    if not tenant_tables:
        return 0
    names = "|".join(map(re.escape, sorted(tenant_tables)))
    return len(re.findall(rf'(?<![\w.])["`\[]?(?:{names})["`\]]?(?![\w"])(?!\s*\.)', sql, re.IGNORECASE))


def refuse_unscoped(sql: str, parameters: Sequence[Any] | None, tenant_tables: frozenset[str]) -> bool:
    """Whether `sql` touches tenants' tables; raises `ScopeViolation` if it does so without the scope's parameter for each."""
    mentions = _mentions(sql, tenant_tables)
    if not mentions:
        return False
    scope = current_scope()
    if scope != EVERY_ORGANIZATION and list(parameters or ()).count(scope) < mentions:
        raise ScopeViolation("a statement names a tenant's table without the organization in scope; write it with peewee's queries")
    return True
