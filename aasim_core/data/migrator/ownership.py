"""Confine the migrations of a plugin to its own tables, whose names begin with the plugin's: ``notes_note``."""

import re

from ...errors import StartupError
from .breaking import statements

_TABLE = r"(?:IF (?:NOT )?EXISTS )?(?:ONLY )?([\w.]+)"
#: Statements, also within a WITH, that change rows or tables; a trigger's or an index's table stands behind its ON.
_CHANGES = re.compile(
    r"\b(?:INSERT (?:OR \w+ )?INTO|REPLACE INTO|MERGE INTO|DELETE FROM|TRUNCATE(?: TABLE)?"
    r"|(?<!FOR )(?<!ON )(?<!DO )(?<!KEY )UPDATE(?: OR \w+)?"
    r"|(?:CREATE|DROP) (?:UNLOGGED )?TABLE|ALTER TABLE|CREATE (?:UNIQUE )?INDEX [^(]{0,200}? ON"
    r"|CREATE (?:OR REPLACE |CONSTRAINT |TEMP |TEMPORARY ){0,2}TRIGGER .{0,400}? ON)"
    rf" {_TABLE}"
)
_TEMPORARY = re.compile(rf"\bCREATE (?:TEMP|TEMPORARY) TABLE {_TABLE}")
#: Where the runner notes what it has applied.
_HISTORY = "CORE_MIGRATION"


def refuse_foreign(migration: str, temporary: set[str], sql: str) -> None:
    """Raise StartupError where `sql`, sent by the migration ``notes/0002_color``, changes another table than the plugin's, or its rows.

    What it makes for the time of its connection is recorded in `temporary`.
    """
    owner = migration.partition("/")[0]
    for statement in statements(sql):
        folded = statement.upper()
        temporary.update(found[1] for found in _TEMPORARY.finditer(folded))
        for found in _CHANGES.finditer(folded):
            table = found[1].rpartition(".")[2]
            if not (table.startswith(f"{owner.upper()}_") or table == _HISTORY or table in temporary):
                raise StartupError(
                    f"migration {migration} changes {table.lower()}, and the tables of {owner} begin with {owner}_: {statement:.200}; "
                    "leave other plugins' tables to their own migrations, and their rows to their services, which a job of yours can call"
                )
