"""Statements compiled once and bound many times, still through the tenant scope."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from peewee import SQL, Node

from ..context import EVERY_ORGANIZATION, current_scope, organization_scope, scope_or_nothing
from .scope import ScopeViolation, mentions_tenants, refuse_unscoped

# Stands for the organization while a statement is compiled; compared by identity.
_SCOPE_SLOT = "organization in scope"
# PostgreSQL's locking clauses of a SELECT.
_LOCKS = re.compile(r" FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)\b")


class Bind(Node):
    """A parameter of a compiled statement, given by name (and already in the database's form) when it runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __sql__(self, ctx: Any) -> Any:
        ctx._values.append(self)
        return ctx.literal(ctx.state.param or "?")


def in_text(number: int) -> Any:
    """A whole number that stands in the statement's text, and not among its parameters."""
    return SQL(str(int(number)))


def only_reads(sql: str) -> bool:
    """Whether a statement that was rendered from a query writes nothing, and locks nothing."""
    return sql.startswith("SELECT") and not _LOCKS.search(sql)


ONE_ORGANIZATION, NO_SCOPE = "one organization", "no scope"
_KINDS = {"": NO_SCOPE, EVERY_ORGANIZATION: EVERY_ORGANIZATION}


def kind_of_scope() -> str:
    """`ONE_ORGANIZATION`, `EVERY_ORGANIZATION` or `NO_SCOPE`: a statement is compiled for one of them."""
    return _KINDS.get(scope_or_nothing(), ONE_ORGANIZATION)


@dataclass(frozen=True)
class Statement:
    """SQL text with what fills each of its parameters: a constant, a `Bind`, or the organization in scope.

    It is checked when it is compiled: `crosses` is whether it sees the rows of every organization, and therefore may not run in the
    scope of one. `gives_rows` is whether it is a query, or returns what it wrote; `only_reads` is whether it locks no row either.
    """

    sql: str
    slots: tuple[Any, ...]
    crosses: bool
    gives_rows: bool
    only_reads: bool = False

    @classmethod
    def compile(cls, database: "Executor", build: Callable[[], Any]) -> "Statement":
        """Render the query that `build` makes: for any one organization where one is in scope, or else for the scope as it is.

        Raises ScopeViolation and NoScope as `refuse_unscoped` does.
        """
        kind = kind_of_scope()
        with organization_scope(_SCOPE_SLOT) if kind == ONE_ORGANIZATION else nullcontext():
            context: Any = database.get_sql_context()
            sql, values = context.sql(build()).query()
            refuse_unscoped(sql, context.confined, database.tenant_tables)
        crosses = kind == EVERY_ORGANIZATION and mentions_tenants(sql, database.tenant_tables) > 0
        gives_rows = sql.startswith(("SELECT", "WITH")) or " RETURNING " in sql
        return cls(sql, tuple(values), crosses, gives_rows, only_reads(sql))

    def run(self, database: "Executor", values: Mapping[str, Any]) -> "Result":
        """Execute with `values` for the binds; ScopeViolation, or NoScope, where it would see more than the open scope does."""
        return database.run_compiled(self, self.bound(values))

    def change_one(
        self,
        database: "Executor",
        values: Mapping[str, Any],
        tell: Callable[[Any], object] | None = None,
        row_id: str | None = None,
    ) -> bool:
        """The same for one that changes one row at most: whether it did; `tell` is given what it returns of the row.

        An optimistic transaction says yes, and looks at its end.
        """
        return database.change_one(self, self.bound(values), tell, row_id)

    def run_alone(self, database: "Executor", values: Mapping[str, Any], *, durable: bool = True) -> "Result":
        """Execute as a unit of work by itself, or within the running transaction; `durable` as in `ScopedDatabase.transaction`."""
        return database.run_alone(self, self.bound(values), durable=durable)

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        """Its parameters: `values` for the binds, and the organization in scope; ScopeViolation as `run` raises it."""
        if self.crosses and current_scope() != EVERY_ORGANIZATION:
            raise ScopeViolation("a statement that was compiled for every organization cannot run for one")
        return [
            values[slot.name] if type(slot) is Bind else current_scope() if slot is _SCOPE_SLOT else slot for slot in self.slots
        ]


class Executor(Protocol):
    """What runs compiled statements: a database, as far as a statement knows one."""

    tenant_tables: frozenset[str]

    def get_sql_context(self) -> Any:
        """Where a query of peewee's is rendered."""

    def run_compiled(self, statement: Statement, parameters: Any) -> "Result":
        """Run one compiled statement to its end."""

    def change_one(
        self, statement: Statement, parameters: Any, tell: Callable[[Any], object] | None = None, row_id: str | None = None
    ) -> bool:
        """Whether a compiled statement changed its one row."""

    def run_alone(self, statement: Statement, parameters: Any, *, durable: bool = True) -> "Result":
        """Run one compiled statement as a unit of work by itself, or within the running transaction."""


class Result:
    """What a statement gave, read to its end: the cursor is free for the next one."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[tuple[Any, ...]], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def fetchone(self) -> Any:
        """The first row, or None."""
        return self._rows[0] if self._rows else None

    def fetchall(self) -> Sequence[Any]:
        """All rows."""
        return self._rows
