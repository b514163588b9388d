"""Writing the next migrations of a plugin: numbered files, one for each half of an upgrade that has something to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.migrator.phases import OFFLINE, POST, PRE
from ..data.migrator.runner import numbers
from ..errors import InvalidArgument
from ..plugins.declarations import table_of
from ..plugins.failures import did_you_mean
from .changes import TYPES, Change, changes
from .tables import made_by, meant_by

if TYPE_CHECKING:
    from ..app import App
    from ..data.migrator.runner import Source

_FIELDS = {
    "TEXT": "TextField",
    "BIGINT": "BigIntegerField",
    "INTEGER": "IntegerField",
    "SMALLINT": "SmallIntegerField",
    "BOOLEAN": "BooleanField",
}
_LONGEST_LINE = 130
_LONGEST_NAME = 40


def write_migrations(app: "App", plugin: str) -> Sequence[Path]:
    """Write what the plugin's records ask for and its migrations do not make; returns the new files, none where they agree.

    InvalidArgument where the plugin is not on, or where a change cannot be told from the tables.
    """
    source = _source_of(app, plugin)
    records = {table_of(model): model for model in app.models if table_of(model) in _tables_of(app, plugin)}
    found = changes(plugin, records, meant_by(records.values()), made_by(app.migration_sources))
    number, written = numbers([source]).get(plugin, 0), []
    for phase in (PRE, POST, OFFLINE):
        own = [change for change in found if change.phase == phase]
        if own:
            number += 1
            path = source.folder / f"{number:04}_{_name_of(own)}{'' if phase == PRE else f'.{phase}'}.py"
            path.write_text(_text_of(plugin, own), encoding="utf-8")
            written.append(path)
    return written


def _source_of(app: "App", plugin: str) -> "Source":
    found = next((source for source in app.migration_sources if source.owner == plugin), None)
    if found is None:
        near = did_you_mean(plugin, [one.name for one in app.plugins.found])
        raise InvalidArgument(f"Plugin {plugin} is not on, or has no folder migrations/; see aasim plugins check{near}")
    return found


def _tables_of(app: "App", plugin: str) -> Sequence[str]:
    return next(found.provides.tables for found in app.plugins.found if found.name == plugin)


def _name_of(own: Sequence[Change]) -> str:
    """What the file is called: after the change, or after the first of several."""
    return own[0].word[:_LONGEST_NAME] + ("_and_more" if len(own) > 1 else "")


def _text_of(plugin: str, own: Sequence[Change]) -> str:
    tables = [change.record for change in own if change.record is not None]
    keys = {"CompositeKey" for record in tables if _key_of(record)}
    imported = sorted({"Model"}.union(keys, *(_fields_of(record).values() for record in tables)))
    head = "from typing import Any\n" + (f"\nfrom peewee import {', '.join(imported)}\n" if tables else "")
    up = [
        *map(_class_of, tables),
        *([f"    db.create_tables([{', '.join(record.__name__ for record in tables)}])\n"] if tables else []),
    ]
    up += [_call(sql) for change in own for sql in change.up]
    down = [_call(sql) for change in reversed(own) for sql in change.down]
    summary = ", ".join(change.word.replace("_", " ") for change in own)
    return (
        f'"""{summary.capitalize()} of {plugin}."""\n\n{head}\n\n'
        f"def up(migrator: Any, db: Any) -> None:\n{''.join(up)}\n\ndef down(migrator: Any, db: Any) -> None:\n{''.join(down)}"
    )


def _call(sql: str) -> str:
    text = repr(sql) if '"' in sql else f'"{sql}"'
    line = f"    db.execute_sql({text})\n"
    return line if len(line) <= _LONGEST_LINE + 1 else f"    db.execute_sql(\n        {text}\n    )\n"


def _fields_of(record: Any) -> dict[str, str]:
    """The class of the frozen copy of each column's field."""
    return {name: _FIELDS[TYPES[field.field_type]] for name, field in record._meta.columns.items()}


def _class_of(record: Any) -> str:
    lines = [f"    class {record.__name__}(Model):"]
    for name, kind in _fields_of(record).items():
        field = record._meta.columns[name]
        arguments = "primary_key=True" if field.primary_key and record._meta.primary_key is field else "null=True" * field.null
        lines.append(f"        {name} = {kind}({arguments})")
    lines += ["", "        class Meta:", "            database = db", f'            table_name = "{table_of(record)}"']
    lines += _key_of(record)
    return "\n".join(lines) + "\n\n"


def _key_of(record: Any) -> list[str]:
    """The line of the key that several columns are."""
    names = ", ".join(f'"{name}"' for name in getattr(record._meta.primary_key, "field_names", ()))
    return [f"            primary_key = CompositeKey({names})"] if names else []
