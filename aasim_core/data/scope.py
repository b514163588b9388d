"""The tenant scope, applied where peewee renders a table, so that no query can omit it.

Every source (FROM, JOIN, alias, subquery, CTE) of a tenant's table becomes a subselect of the organization's rows; updates, deletes and
upserts get the organization as a condition; inserts may name no other organization. The context counts the tables confined this way, and
`refuse_unscoped` compares: a statement that names one more (as raw SQL does) is not executed.
"""

import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import peewee
from peewee import SCOPE_SOURCE, Column, Context, Entity, Expression, is_model  # type: ignore[attr-defined]

from ..context import EVERY_ORGANIZATION, current_organization, current_scope

TENANT_COLUMN = "organization_id"


class ScopeViolation(RuntimeError):
    """A statement would, or might, read or write rows of another organization."""


class ScopedContext(Context):
    """Renders queries restricted to the organization in scope; `confined` counts the restricted table names."""

    __slots__ = ("confined",)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.confined = 0

    def sql(self, obj: Any) -> Context:
        """Render `obj`; peewee calls this for every node of a query."""
        if is_model(obj):
            obj = obj._meta.table
        if isinstance(obj, peewee.Table | peewee.ModelAlias):
            if self.scope == SCOPE_SOURCE and self._is_scoped(obj):
                return self._source(obj)
        elif isinstance(obj, peewee._WriteQuery) and not hasattr(obj, "scoped") and self._is_scoped(obj.table):
            obj = _restrict(obj)
            self.confined += 1
        return super().sql(obj)  # type: ignore[no-any-return, no-untyped-call]

    def _is_scoped(self, table: Any) -> bool:
        return _table_name(table).lower() in (self.state.tenant_tables or ()) and current_scope() != EVERY_ORGANIZATION

    def _source(self, table: Any) -> Context:
        name = _table_name(table)
        self.literal("(SELECT * FROM ").sql(Entity(name)).literal(" WHERE ").sql(Entity(name, TENANT_COLUMN))
        self.literal(" = ").value(current_scope(), converter=False)
        self.literal(")")
        alias = table.alias if isinstance(table, peewee.ModelAlias) else table._alias
        if alias:
            self.alias_manager[table] = alias
        alias = self.alias_manager[table]
        self.confined += 2 if alias.lower() in self.state.tenant_tables else 1  # in an update, peewee reuses the table's name
        return self.literal(" AS ").sql(Entity(alias))


def _table_name(table: Any) -> str:
    if isinstance(table, peewee.ModelAlias):
        table = table.model
    if is_model(table):
        return str(table._meta.table_name)
    return str(getattr(table, "__name__", ""))


def _restrict(unscoped: Any) -> Any:
    query: Any = copy.copy(unscoped)
    query.scoped = True
    if isinstance(unscoped, peewee.Insert):
        _restrict_insert(query)
    else:
        if isinstance(unscoped, peewee.Update):
            _refuse_other_organization(query.table, query._update)
        query._where = _within(query.table, query._where)
    return query


def _within(table: Any, where: Any) -> Any:
    """Return the condition `where`, in parentheses (it may be raw SQL with an OR), and the organization in scope."""
    column = Column(table._meta.table if is_model(table) else table, TENANT_COLUMN)
    own = Expression(column, peewee.OP.EQ, peewee.Value(current_scope(), converter=False))
    return own if where is None else Expression(own, peewee.OP.AND, _Bracketed(where))


class _Bracketed(peewee.WrappedNode):
    """A condition that cannot escape its parentheses, whatever raw SQL it contains."""

    def __sql__(self, ctx: Any) -> Any:
        start = len(ctx._sql)
        ctx.literal("(").sql(self.node)
        if _leaves_brackets("".join(ctx._sql[start + 1 :])):
            raise ScopeViolation("the raw SQL in a condition has an unmatched parenthesis")
        return ctx.literal(")")


def _leaves_brackets(sql: str) -> bool:
    depth = 0
    for bracket in re.findall(r"'[^']*'|\"[^\"]*\"|[()]", sql):
        depth += {"(": 1, ")": -1}.get(bracket, 0)
        if depth < 0:
            return True
    return depth != 0


def _restrict_insert(query: Any) -> None:
    table, rows = query.table, query._insert
    if isinstance(rows, peewee.Node):
        raise ScopeViolation("INSERT … SELECT into a tenant's table cannot be checked; read the rows and insert them")
    _refuse_other_default(table, query.get_default_data())
    if isinstance(rows, Mapping):
        _refuse_other_organization(table, rows)
    else:
        query._insert = rows = list(rows)
        columns = query._columns or query.get_default_columns() or ()
        for row in rows:
            _refuse_other_organization(table, row if isinstance(row, Mapping) else dict(zip(columns, row, strict=False)))
    if query._on_conflict is not None:
        query._on_conflict = _restrict_conflict(table, query._on_conflict)


def _restrict_conflict(table: Any, conflict: Any) -> Any:
    action = (conflict._action or "update").lower()
    if action in ("ignore", "nothing"):
        return conflict
    if action != "update":
        raise ScopeViolation("REPLACE can delete another organization's row; use on_conflict(conflict_target=…, update=…)")
    if any(_is_tenant_column(table, column) for column in (*(conflict._preserve or ()), *(conflict._update or ()))):
        raise ScopeViolation("an upsert cannot move a row to another organization")
    conflict = copy.copy(conflict)
    conflict._where = _within(table, conflict._where)
    return conflict


def _refuse_other_organization(table: Any, values: Mapping[Any, Any]) -> None:
    for column, value in values.items():
        if _is_tenant_column(table, column) and value != current_scope():
            raise ScopeViolation("a row's organization is the one in scope, and cannot be set to another")


def _refuse_other_default(table: Any, defaults: Mapping[Any, Any]) -> None:
    for column, default in defaults.items():
        if default is not current_organization:
            _refuse_other_organization(table, {column: default})


def _is_tenant_column(table: Any, column: Any) -> bool:
    if isinstance(column, str):
        field = table._meta.combined.get(column) if is_model(table) else None
        name = field.column_name if field else column
    elif isinstance(column, peewee.Field):
        name = column.column_name
    elif isinstance(column, Column):
        name = column.name
    else:
        raise ScopeViolation(f"{column!r} may name any column; give a field or a column's name")
    return bool(name.lower() == TENANT_COLUMN)


@lru_cache(maxsize=4096)
def mentions_tenants(sql: str, tenant_tables: frozenset[str]) -> int:
    """Count how often `sql` names a tenant's table other than to qualify a column."""
    if not tenant_tables:
        return 0
    names = "|".join(map(re.escape, sorted(tenant_tables)))
    return len(re.findall(rf'(?<!\w)(?:{names})["`\]]?(?![\w"])(?!\s*\.)', sql, re.IGNORECASE))


def refuse_unscoped(sql: str, confined: int, tenant_tables: frozenset[str]) -> None:
    """Raise ScopeViolation when `sql` names more tenant tables than the `confined` ones; NoScope when it may name none at all."""
    mentions = mentions_tenants(sql, tenant_tables)
    if mentions and current_scope() != EVERY_ORGANIZATION and mentions != confined:
        raise ScopeViolation(
            "a statement names a tenant's table outside the organization in scope; write it with peewee's queries"
        )
