"""Statements compiled once and bound many times, still through the tenant scope."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peewee import Node

from ..context import EVERY_ORGANIZATION, current_scope, organization_scope, system_scope

if TYPE_CHECKING:
    from .connect import Database

# Stands for the organization while a statement is compiled; compared by identity.
_SCOPE_SLOT = "organization in scope"


class Bind(Node):
    """A parameter of a compiled statement, given by name (and already in the database's form) when it runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __sql__(self, ctx: Any) -> Any:
        ctx._values.append(self)
        return ctx.literal(ctx.state.param or "?")


@dataclass(frozen=True)
class Condition:
    """A condition on rows: `shape` names it among compiled statements, `values` fill its binds."""

    expression: Any
    values: Mapping[str, Any] = field(default_factory=dict)
    shape: Any = None


@dataclass(frozen=True)
class Statement:
    """SQL text with what fills each of its parameters: a constant, a `Bind`, or the organization in scope.

    `confined` is how many of its tables were confined to that organization; a statement made for tenants runs for tenants only.
    """

    sql: str
    slots: tuple[Any, ...]
    confined: int

    @classmethod
    def compile(cls, database: "Database", build: Callable[[], Any]) -> "Statement":
        """Render the query that `build` makes, once for tenants and once for every organization as the scope now is."""
        every = current_scope() == EVERY_ORGANIZATION
        with system_scope("compile a statement") if every else organization_scope(_SCOPE_SLOT):
            context: Any = database.get_sql_context()
            sql, values = context.sql(build()).query()
        return cls(sql, tuple(values), context.confined)

    def run(self, database: "Database", values: Mapping[str, Any]) -> Any:
        """Execute with `values` for the binds; returns the driver's cursor."""
        parameters = [
            values[slot.name] if type(slot) is Bind else current_scope() if slot is _SCOPE_SLOT else slot for slot in self.slots
        ]
        return database.run_rendered(self.sql, parameters, self.confined)
