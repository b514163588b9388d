"""Remove the data of a disabled plugin from the database."""

from typing import TYPE_CHECKING

from ..errors import InvalidArgument, StartupError
from .failures import did_you_mean
from .registry import Found, Plugins

if TYPE_CHECKING:
    from ..data.database import Database


def purge(plugins: Plugins, database: "Database", name: str) -> list[str]:
    """Drop the tables of the plugin `name`, with all data, by undoing its migrations; returns the undone migrations.

    Nothing of the plugin but its migrations is imported. Raises StartupError unless the plugin is installed and disabled.
    """
    from ..data.migrator.runner import Source
    from ..data.migrator.runner import purge as undo

    plugin = purgeable(plugins, name)
    migrations = plugin.folder / "migrations" if plugin.folder else None
    return undo(database, Source(name, migrations)) if migrations and migrations.is_dir() else []


def refuse_while_running(database: "Database", name: str) -> None:
    """Raise StartupError while a running process has the plugin `name` enabled: its tables would disappear under it."""
    from .. import processes
    from ..data.backends.connect import bind

    with database.connected():
        if processes.TABLE not in database.get_tables():
            return
        bind(database, processes.RECORDS)
        running = [one.row.id for one in processes.seen(database) if one.is_alive and name in one.row.plugins]
    if running:
        raise StartupError(
            f"Plugin {name} is still on in running processes ({', '.join(running)}); restart or stop them first. One that was killed "
            f"counts for {processes.SILENT_SECONDS:.0f} seconds.",
            exit_code=75,
        )


def purgeable(plugins: Plugins, name: str) -> Found:
    """Return the plugin `name`; InvalidArgument unless it is installed and disabled."""
    plugin = plugins.find(name)
    if plugin is None or plugin.state == "missing":
        near = did_you_mean(name, (found.name for found in plugins.found))
        raise InvalidArgument(f"Plugin {name} is not installed; to purge what it has left, install it again, off{near}")
    if plugin.state != "off":
        raise InvalidArgument(f"Plugin {name} is {plugin.state}; turn it off before it is purged: aasim plugins disable {name}")
    return plugin
