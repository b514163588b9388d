"""The permissions that plugins declare, as responses show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from aasim_core import App, Permission
from aasim_core.access.roles import BUILT_IN
from aasim_core.lists.virtual_table import Listing
from aasim_core.text.json import to_json

_COLUMNS = ("id", "plugin", "summary", "dangerous", "operations", "roles")


def listing(app: App) -> Listing:
    """All of them, to be listed; the declarations are complete before the first request."""

    def rows() -> Sequence[Mapping[str, Any]]:
        return [_as_text(described(app, permission)) for permission in app.permissions.values()]

    return Listing(app.database, _COLUMNS, rows)


def described(app: App, permission: Permission) -> dict[str, Any]:
    """A permission, with the operations that require it and the built-in roles that hold it."""
    asking = [f"{endpoint.method} {endpoint.template}" for endpoint in app.endpoints if endpoint.permission == permission.id]
    return {
        "id": permission.id,
        "plugin": plugin_of(permission.id),
        "summary": permission.summary,
        "dangerous": permission.dangerous,
        "operations": sorted(asking, key=lambda operation: operation.partition(" ")[::-1]),
        "roles": [role for role in BUILT_IN if permission.id in app.rights.built_in[role]],
    }


def groups(app: App) -> list[dict[str, Any]]:
    """The permissions' ids by plugin."""
    by_plugin: dict[str, list[str]] = {}
    for permission in sorted(app.permissions):
        by_plugin.setdefault(plugin_of(permission), []).append(permission)
    titles = {plugin.name: plugin.title for plugin in app.plugins.found}
    return [{"plugin": name, "title": titles.get(name, name.capitalize()), "permissions": by_plugin[name]} for name in by_plugin]


def plugin_of(permission: str) -> str:
    """Whose permission it is."""
    return permission.partition(":")[0]


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    return {name: to_json(value).decode() if isinstance(value, list) else value for name, value in row.items()}
