"""Print the description of a plugin."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import orjson

from ..catalog.describing import described
from ..terminal.output import print_table

if TYPE_CHECKING:
    from ..app import App
    from ..plugins.registry import Found

#: What is shown below the manifest: the key of the description, and the columns of its table.
_TABLES: Mapping[str, Sequence[str]] = {
    "permissions": ("id", "summary", "dangerous", "roles"),
    "settings": ("name", "type", "default_value", "help"),
    "events": ("name", "version", "summary"),
    "jobs": ("name", "schedule", "time_limit_seconds", "max_attempts"),
    "parts": ("kind", "name", "title", "summary", "schemas"),
}
_MANIFEST = (
    "title",
    "summary",
    "state",
    "version",
    "origin",
    "api",
    "requires",
    "uses",
    "hooks_offered",
    "hooks_implemented",
    "operations",
)

_WORDS = {None: "", True: "yes", False: ""}


def print_plugin(app: "App", plugin: "Found", *, as_json: bool) -> None:
    """Write the page of one plugin, or, `as_json`, the same as a JSON object."""
    told = described(app, plugin)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
        return
    print_table(("", ""), [(name.replace("_", " "), _cell(told[name])) for name in _MANIFEST])
    if plugin.reason:
        click.secho(f"It {plugin.reason}.", fg="red")
    for name, columns in _TABLES.items():
        if told[name]:
            click.secho(f"\n{name.replace('_', ' ')}", bold=True)
            print_table([column.replace("_", " ") for column in columns], _rows(told[name], columns))


def print_events(told: Sequence[Mapping[str, Any]]) -> None:
    """Write a table of events; a field of their data that is not always there has a question mark."""
    rows = [
        (event["name"], str(event["version"]), event["subject_type"], event["summary"], ", ".join(_data(event["data_schema"])))
        for event in told
    ]
    print_table(("event", "version", "subject", "what happened", "data"), rows)


def _data(schema: Mapping[str, Any]) -> Iterator[str]:
    for name in schema.get("properties", ()):
        yield name if name in schema.get("required", ()) else f"{name}?"


def _rows(found: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for each in found:
        yield tuple(_cell(each[column]) for column in columns)


def _cell(value: Any) -> str:
    """The value in a cell: of schemas, only what they are of."""
    if isinstance(value, Mapping | list | tuple):
        return ", ".join(str(part) for part in value)
    return _WORDS[value] if value is None or isinstance(value, bool) else str(value)
