"""The page of permissions."""

from itertools import groupby

from aasim_core.access.permissions import Permission
from aasim_core.app import App

_TOP = """\
# Permissions

What [roles](../use/roles.md) can allow, with all plugins on. The built-in roles `owner` and `admin` hold every
permission; the column *roles* names the other built-in roles that hold one. A dangerous permission deletes, pays, sends
outside or changes rights. [Which endpoints](endpoints.md) ask for a permission is in the table of endpoints.
"""
_HEAD = "| permission | allows to | roles | dangerous |\n|---|---|---|---|\n"


def page(app: App) -> str:
    """The whole page, a table for each plugin."""
    in_order = sorted(app.permissions.values(), key=lambda permission: permission.id)
    plugins = groupby(in_order, key=lambda permission: permission.id.partition(":")[0])
    return _TOP + "".join(f"\n## {plugin}\n\n{_HEAD}{''.join(map(_row, found))}" for plugin, found in plugins)


def _row(permission: Permission) -> str:
    roles = ", ".join(f"`{role}`" for role in permission.roles)
    return f"| `{permission.id}` | {permission.summary} | {roles} | {'yes' if permission.dangerous else ''} |\n"
