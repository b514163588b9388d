"""``aasim migrate``, ``backup`` and ``restore``: operations on the database."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    _refuse_unfit(app)
    click.echo("The database is up to date.")


def _refuse_unfit(app: "App") -> None:
    from ..data.migrator.runner import refuse_pending

    with app.database.connected():
        refuse_pending(app.database, app.migration_sources)


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
    click.echo(f"Restored from {path}. It is held: no job runs, and nothing leaves it, until you run: aasim resume")


@click.command()
@click.pass_obj
def hold(settings: "Settings") -> None:
    """Let no job run and no call or mail leave, until ``aasim resume``: for a copy of a database, or in an emergency."""
    from ..data import installation

    with _opened(settings) as app:
        since = installation.held_since()
        if since is None:
            with app.database.transaction():
                installation.hold()
    click.echo("Held: no job runs, and no call or mail leaves, until you run: aasim resume")


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def resume(settings: "Settings", yes: bool) -> None:
    """Let the jobs of a held installation run, after showing how many wait.

    A restored database is held. What came due meanwhile is caught up: due times of job flows as the misfire policy of each says.
    """
    from ..data import installation
    from ..jobs import administration

    with _opened(settings) as app:
        since = installation.held_since()
        if since is None:
            click.echo("The installation is not held.")
            return
        waiting = administration.count_waiting()
        click.echo(f"Held since {since:%Y-%m-%d %H:%M:%S} UTC. These jobs wait, and run from now on:")
        for name, count in waiting.items():
            click.echo(f"  {count:,} {name}")
        if not yes:
            click.confirm("Runs continue, webhooks are delivered and mails are sent. Resume?", abort=True)
        with app.database.transaction():
            installation.resume()
    click.echo("Resumed.")


@contextmanager
def _opened(settings: "Settings") -> Iterator["App"]:
    from ..context import system_scope
    from ..process.installation import open_app

    app = open_app(settings)
    _refuse_unfit(app)
    try:
        with app.database.connected(), system_scope("hold or resume the installation"):
            yield app
    finally:
        app.database.close_all()
