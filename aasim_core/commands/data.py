"""``aasim migrate``, ``backup`` and ``restore``: operations on the database."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..terminal.output import Terminal
from .options import setting_option

if TYPE_CHECKING:
    from ..app import App
    from ..settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 78 if something is pending that this version needs.")
@click.option("--post", is_flag=True, help="Also the second half, which removes what only the old version needed.")
@click.option("--offline", is_flag=True, help="Also what cannot be done while any process runs.")
@setting_option("data_dir", "--data", metavar="DIR", help="The data folder.")
@click.pass_obj
def migrate(settings: "Settings", check: bool, post: bool, offline: bool) -> None:
    """Bring the database up to date; safe to run again, and by several machines at once.

    Without an option, what this version needs is added, and the previous version keeps working. When all processes run this version,
    --post removes the rest.
    """
    from ..process.installation import open_app
    from ..process.upgrading import finish, remaining, upgrade

    app = open_app(settings)
    if check:
        _refuse_pending(app)
    else:
        count = _tell(upgrade(app, offline=offline)) + (_tell(finish(app)) if post else 0)
        click.echo(f"{count} migrations applied." if count else "The database is up to date.")
    if left := remaining(app):
        click.echo(f"Left for when all processes run this version ({', '.join(left)}); then run: aasim migrate --post")


def _tell(applied: list[str]) -> int:
    for name in applied:
        click.echo(f"applied {name}")
    return len(applied)


def _refuse_pending(app: "App") -> None:
    from ..data.migrator.runner import refuse_pending

    with app.database.connected():
        refuse_pending(app.database, app.migration_sources)
    click.echo("The database is up to date.")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.pass_obj
def backup(settings: "Settings", path: Path) -> None:
    """Copy the database and the keys into FILE, while the platform runs."""
    from ..data.backup.archive import backup as write_backup

    terminal = Terminal()
    with terminal.working("writing the backup") as report:
        write_backup(settings, path, progress=lambda done, of: report("writing the backup", done, of))
    click.echo(f"Written: {path}. It holds the keys; keep it where only you can read it.")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@click.pass_obj
def restore(settings: "Settings", path: Path) -> None:
    """Restore FILE into an empty data folder and database; existing data is never overwritten."""
    from ..data.backup.archive import restore as read_backup

    terminal = Terminal()
    with terminal.working("restoring") as report:
        read_backup(settings, path, progress=lambda done, of: report("restoring", done, of))
    click.echo(f"Restored from {path}. Start API and worker again.")
