"""Detect migration statements that break the previous version's code, which still runs during the first half of an upgrade.

That code must find every table and column unchanged, and be able to write rows without knowing new columns. A migration may change and drop
what migrations of the same upgrade added, since only newer code knows it. Changes of rows are not checked.
"""

import re
from collections.abc import Iterator

from ...errors import StartupError

#: Names of the tables, indexes and columns (as ``table.column``) that migrations have added so far.
Additions = set[str]

_LATER = "drop it in a migration of the second half, NNNN_what.post.py"
_DROPPED = f"leave it there, and {_LATER}"
_RENAMED = (
    "add a column or table of the new name and copy into it; drop the old one in a migration of the second half, NNNN_what.post.py; "
    "or rename it in NNNN_what.offline.py, for which everything has to be stopped"
)
_RETYPED = f"add a column of the new type and copy into it; of the old one, {_LATER}"
_STRICTER = "do it in a migration of the second half, NNNN_what.post.py, when all code that writes rows keeps to it"
_REQUIRED = "give the column a DEFAULT, or let it be null; a NOT NULL belongs into the second half, NNNN_what.post.py"
_UNIQUE = f"make it unique over a column that this migration adds, or {_STRICTER}"
_HIDDEN = "write its statements one by one with db.execute_sql(…), where they can be judged"

_NOISE = re.compile(r"--[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|'(?:[^']|'')*+'?")
_CREATED = re.compile(r"CREATE (?:\w+ )*?(?:TABLE|INDEX) (?:CONCURRENTLY )?(?:IF NOT EXISTS )?([\w.]+)")
_UNIQUE_INDEX = re.compile(r"CREATE UNIQUE INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?\S+ ON (?:ONLY )?([\w.]+)(.*)")
_ALTER_TABLE = re.compile(r"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?([\w.]+) (.*)")
_DROP = re.compile(r"(?:DROP \w+(?: VIEW| TABLE)?|TRUNCATE(?: TABLE)?) (?:CONCURRENTLY )?(?:IF EXISTS )?([\w.]+)")
_NEXT_ACTION = re.compile(r",(?![^(]*\))")
_ADD_COLUMN = re.compile(r"ADD (?:COLUMN )?(?:IF NOT EXISTS )?(?!CONSTRAINT |CHECK|UNIQUE|PRIMARY |FOREIGN |EXCLUDE)(\w+) (.*)")
_REQUIRES = re.compile(r"NOT NULL|PRIMARY KEY")
_FILLS = re.compile(r"DEFAULT|GENERATED")
#: Other forbidden changes to a table, and what to do instead; the first match applies.
_ACTIONS = (
    (re.compile(r"ALTER (?:COLUMN )?\w+ DROP NOT NULL"), None),
    (re.compile(r"RENAME "), _RENAMED),
    (re.compile(r"ALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE "), _RETYPED),
    (re.compile(r"ALTER (?:COLUMN )?\w+ SET NOT NULL"), _STRICTER),
    (re.compile(r"ALTER (?:COLUMN )?\w+ DROP "), _REQUIRED),
    (re.compile(r"DROP "), _DROPPED),
    (re.compile(r"ADD "), _STRICTER),
)


def refuse_breaking(migration: str, additions: Additions, sql: str) -> None:
    """Raise StartupError where `sql`, sent by a migration of the first half, breaks running code; the message says what to write instead.

    What it adds is recorded in `additions`.
    """
    for statement in statements(sql):
        if (advice := _advice(statement, additions)) is not None:
            raise StartupError(
                f"migration {migration} runs while older code works, and would break that by: {statement:.200}; {advice}"
            )


def statements(sql: str) -> Iterator[str]:
    """Return the statements without comments, strings and quotes, each on one line."""
    plain = _NOISE.sub(lambda noise: "''" if noise[0].startswith("'") else " ", sql).replace('"', "")
    return filter(None, (" ".join(statement.split()) for statement in plain.split(";")))


def _advice(statement: str, additions: Additions) -> str | None:
    """Return what to write instead of the statement, or None where it breaks nothing."""
    folded = statement.upper()  # matching is case-insensitive, like unquoted names on both databases
    if created := _CREATED.match(folded):
        additions.add(created[1])
    if unique := _UNIQUE_INDEX.match(folded):
        table, columns = unique.groups()
        is_new = table in additions or any(f"{table}.{column}" in additions for column in re.findall(r"\w+", columns))
        return None if is_new else _UNIQUE
    if altered := _ALTER_TABLE.match(folded):
        table, actions = altered.groups()
        if table not in additions:
            return next(filter(None, (_advice_on_action(table, a.strip(), additions) for a in _NEXT_ACTION.split(actions))), None)
    elif dropped := _DROP.match(folded):
        return None if dropped[1] in additions else _DROPPED
    elif folded.startswith("ALTER ") and " RENAME " in folded:
        return _RENAMED
    elif folded.startswith("DO "):
        return _HIDDEN
    return None


def _advice_on_action(table: str, action: str, additions: Additions) -> str | None:
    """The same check for one action of an ALTER TABLE."""
    if added := _ADD_COLUMN.match(action):
        column, rest = added.groups()
        additions.add(f"{table}.{column}")
        return _REQUIRED if _REQUIRES.search(rest) and not _FILLS.search(rest) else None
    return next((advice for pattern, advice in _ACTIONS if pattern.match(action)), None)
