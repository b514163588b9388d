"""Statements compiled once and executed many times, within the tenant scope."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from peewee import SQL, Node

from ..context import EVERY_ORGANIZATION, current_scope, organization_scope, scope_or_nothing
from .scope import ScopeViolation, mentions_tenants, refuse_unscoped

# Represents the organization while a statement is compiled; compared by identity.
_SCOPE_SLOT = "organization in scope"
# PostgreSQL's locking clauses of a SELECT.
_LOCKS = re.compile(r" FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b")


class Bind(Node):
    """A named parameter of a compiled statement; its value is given in the database's form when the statement runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __sql__(self, ctx: Any) -> Any:
        ctx._values.append(self)
        return ctx.literal(ctx.state.param or "?")


def in_text(number: int) -> Any:
    """An integer rendered into the statement's text instead of its parameters."""
    return SQL(str(int(number)))


def only_reads(sql: str) -> bool:
    """Return whether a rendered statement writes and locks nothing."""
    return sql.startswith("SELECT") and not _LOCKS.search(sql)


ONE_ORGANIZATION, NO_SCOPE = "one organization", "no scope"
_KINDS = {"": NO_SCOPE, EVERY_ORGANIZATION: EVERY_ORGANIZATION}


def kind_of_scope() -> str:
    """Return `ONE_ORGANIZATION`, `EVERY_ORGANIZATION` or `NO_SCOPE`, for which a statement is compiled."""
    return _KINDS.get(scope_or_nothing(), ONE_ORGANIZATION)


@dataclass(frozen=True)
class Statement:
    """SQL text with the source of each parameter: a constant, a `Bind`, or the organization in scope.

    It is checked when it is compiled: `crosses` is whether it sees the rows of every organization, and therefore may not run in the scope
    of one. `gives_rows` is whether it is a query, or returns what it wrote; `only_reads` is whether it also locks no row. One that
    `plans_each_time` gets a plan for its values at each run (PostgreSQL's custom plan); that of another may be kept.
    """

    sql: str
    slots: tuple[Any, ...]
    crosses: bool
    gives_rows: bool
    only_reads: bool = False
    plans_each_time: bool = False

    @classmethod
    def compile(cls, database: "Executor", build: Callable[[], Any], plans_each_time: bool = False) -> "Statement":
        """Render the query that `build` creates: for any one organization where one is in scope, otherwise for the scope as it is.

        Raises ScopeViolation and NoScope as `refuse_unscoped` does.
        """
        kind = kind_of_scope()
        with organization_scope(_SCOPE_SLOT) if kind == ONE_ORGANIZATION else nullcontext():
            context: Any = database.get_sql_context()
            sql, values = context.sql(build()).query()
            refuse_unscoped(sql, context.confined, database.tenant_tables)
        crosses = kind == EVERY_ORGANIZATION and mentions_tenants(sql, database.tenant_tables) > 0
        gives_rows = sql.startswith(("SELECT", "WITH")) or " RETURNING " in sql
        return cls(sql, tuple(values), crosses, gives_rows, only_reads(sql), plans_each_time)

    def run(self, database: "Executor", values: Mapping[str, Any]) -> "Result":
        """Execute with `values` for the binds; ScopeViolation or NoScope if it would see more than the current scope."""
        return database.run_compiled(self, self.bound(values))

    def change_one(
        self,
        database: "Executor",
        values: Mapping[str, Any],
        tell: Callable[[Any], object] | None = None,
        row_id: str | None = None,
    ) -> bool:
        """Execute a statement that changes at most one row; returns whether it did. `tell` receives what it returns of the row.

        An optimistic transaction assumes True, and checks at its end.
        """
        return database.change_one(self, self.bound(values), tell, row_id)

    def run_alone(self, database: "Executor", values: Mapping[str, Any], *, durable: bool = True) -> "Result":
        """Execute as its own unit of work, or within the running transaction; `durable` as in `ScopedDatabase.transaction`."""
        return database.run_alone(self, self.bound(values), durable=durable)

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        """Return its parameters: `values` for the binds, and the organization in scope; ScopeViolation as in `run`."""
        if self.crosses and current_scope() != EVERY_ORGANIZATION:
            raise ScopeViolation("a statement that was compiled for every organization cannot run for one")
        return [
            values[slot.name] if type(slot) is Bind else current_scope() if slot is _SCOPE_SLOT else slot for slot in self.slots
        ]


class Executor(Protocol):
    """The executor of compiled statements: the part of a database that a statement uses."""

    tenant_tables: frozenset[str]

    def get_sql_context(self) -> Any:
        """Return the context that renders a peewee query."""

    def run_compiled(self, statement: Statement, parameters: Any) -> "Result":
        """Run one compiled statement to completion."""

    def change_one(
        self, statement: Statement, parameters: Any, tell: Callable[[Any], object] | None = None, row_id: str | None = None
    ) -> bool:
        """Return whether a compiled statement changed its one row."""

    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> "Result":
        """Run one compiled statement as its own unit of work, or within the running transaction."""


class Result:
    """A statement's complete result; its cursor is free for the next one."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[tuple[Any, ...]], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        return self._rows[0] if self._rows else None

    def fetchall(self) -> Sequence[Any]:
        """Return all rows."""
        return self._rows
