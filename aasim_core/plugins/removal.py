"""Removing what a plugin that is off has left in the database."""

from typing import TYPE_CHECKING

from ..errors import StartupError
from .failures import did_you_mean
from .registry import Found, Plugins

if TYPE_CHECKING:
    from ..data.connect import Database


def purge(plugins: Plugins, database: "Database", name: str) -> list[str]:
    """Drop the tables of the plugin `name`, with all data in them, by undoing its migrations; returns what was undone.

    Nothing of the plugin but its migrations is imported. Raises StartupError unless the plugin is there and off.
    """
    from ..data.migrations import Source
    from ..data.migrations import purge as undo

    plugin = purgeable(plugins, name)
    migrations = plugin.folder / "migrations" if plugin.folder else None
    return undo(database, Source(name, migrations)) if migrations and migrations.is_dir() else []


def purgeable(plugins: Plugins, name: str) -> Found:
    """The plugin `name`; StartupError unless it is there and off."""
    plugin = plugins.find(name)
    if plugin is None or plugin.state == "missing":
        near = did_you_mean(name, (found.name for found in plugins.found))
        raise StartupError(f"Plugin {name} is not installed; to purge what it has left, install it again, off{near}")
    if plugin.state != "off":
        raise StartupError(f"Plugin {name} is {plugin.state}; turn it off before it is purged: aasim plugins disable {name}")
    return plugin
