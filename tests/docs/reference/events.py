"""The page of events."""

from itertools import groupby
from typing import Any

from aasim_core.app import App
from aasim_core.catalog.event_types import schema_of
from aasim_core.events.declarations import Event

_TOP = """\
# Events

What can happen, with all plugins on. [Activities](../use/activities.md), [webhooks](../use/webhooks.md), [job
flows](../use/job-flows.md) and plugins name events by these names. *Data* are the fields of the event's `data`; one in
parentheses may be missing. `GET /events` and `aasim events` give the JSON Schema of each.
"""
_HEAD = "| event | subject | when | data |\n|---|---|---|---|\n"


def page(app: App) -> str:
    """The whole page, a table for each plugin."""
    in_order = sorted(app.events.values(), key=lambda event: (_plugin_of(event), event.name))
    plugins = groupby(in_order, key=_plugin_of)
    return _TOP + "".join(f"\n## {plugin}\n\n{_HEAD}{''.join(map(_row, found))}" for plugin, found in plugins)


def _plugin_of(event: Event) -> str:
    return event.plugin or event.name.partition(".")[0]


def _row(event: Event) -> str:
    subject = f"`{event.subject}`" if event.subject else ""
    return f"| `{event.name}` | {subject} | {event.summary.rstrip('.')} | {_data(schema_of(event))} |\n"


def _data(schema: Any) -> str:
    if "properties" not in schema:
        return "any object"
    required = schema.get("required", ())
    return ", ".join(f"`{name}`" if name in required else f"(`{name}`)" for name in schema["properties"])
