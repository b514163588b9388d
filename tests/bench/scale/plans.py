"""Why a question takes long: the statement that takes longest, and what the database's plan for it throws away."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from aasim_core.context import organization_scope
from aasim_core.data.backends.sqlite.database import SqliteDatabase
from aasim_core.data.database import Database
from aasim_core.data.scope import mentions_tenants
from aasim_core.testing.statements import Sent, plan_of

_READS = ("SELECT", "(SELECT", "WITH")
_POSTGRES_SCAN, _SQLITE_SCAN = re.compile(r"Seq Scan on (\w+)"), re.compile(r"^SCAN (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One step of PostgreSQL's plan: what it is, the table and the index, and how many rows it read and threw away."""

    kind: str
    table: str
    index: str
    rows: int
    removed: int
    sub_plan: str

    def __str__(self) -> str:
        where = f" of {self.table}" if self.table else ""
        by = f" by {self.index}" if self.index else ""
        return f"{self.kind}{where}{by}: {self.rows:,} rows, {self.removed:,} removed"


def reason(database: Database, organization_id: str, statements: Sequence[Sent]) -> str:
    """The plan of the slowest statement in a line."""
    statements = [sent for sent in statements if sent.sql.startswith(_READS)]
    with organization_scope(organization_id):
        if isinstance(database, SqliteDatabase):
            longest = max(statements, key=lambda sent: len(sent.sql))
            return "; ".join(plan_of(database, longest).splitlines())
        return max((_analyzed(database, sent) for sent in statements), default=(0.0, ""))[1]


def whole_tables(database: Database, organization_id: str, statements: Sequence[Sent]) -> set[str]:
    """The tables with rows of organizations that the plans of these statements read from end to end."""
    scans = _SQLITE_SCAN if isinstance(database, SqliteDatabase) else _POSTGRES_SCAN
    with organization_scope(organization_id):
        plans = [plan_of(database, sent) for sent in statements if sent.sql.startswith(_READS)]
    return {table for plan in plans for table in scans.findall(plan) if table in database.tenant_tables}


def _analyzed(database: Database, sent: Sent) -> tuple[float, str]:
    confined = mentions_tenants(sent.sql, database.tenant_tables)
    explain = f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {sent.sql}"
    found = database.run_rendered(explain, sent.parameters, confined).fetchone()[0]
    plan = (orjson.loads(found) if isinstance(found, str | bytes) else found)[0]
    nodes = list(nodes_of(plan["Plan"]))
    worst = max(nodes, key=lambda node: node.removed + node.rows)
    top = nodes[0].kind if nodes[0] is not worst else ""
    return plan["Execution Time"] + plan["Planning Time"], " · ".join(filter(None, (top, str(worst))))


def nodes_of(plan: Mapping[str, Any], within: str = "") -> Iterator[Node]:
    """Every step of the plan, the outermost first."""
    within = plan.get("Subplan Name", within)
    loops = plan.get("Actual Loops", 1)
    removed = sum(value for name, value in plan.items() if name.startswith("Rows Removed"))
    rows = round(plan.get("Actual Rows", 0) * loops)
    yield Node(plan["Node Type"], plan.get("Relation Name", ""), plan.get("Index Name", ""), rows, round(removed * loops), within)
    for part in plan.get("Plans", ()):
        yield from nodes_of(part, within)
