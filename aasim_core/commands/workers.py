"""``aasim workers``: which workers run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..processes import Seen
    from ..settings import Settings

_TITLES = ("name", "machine", "version", "threads", "busy", "started", "last heartbeat", "state")


@click.group()
def workers() -> None:
    """Workers: see which run, and on which machines."""


@workers.command("list")
@click.pass_obj
def list_workers(settings: "Settings") -> None:
    """Show the workers, and how many seconds ago each gave a sign of life; one that was silent for a minute is probably gone."""
    from .. import processes
    from ..process.installation import open_app
    from ..terminal.output import print_table

    database = open_app(settings).database
    with database.connected():
        found = [one for one in processes.seen(database) if one.row.kind == processes.WORKER]
    database.close_all()
    if found:
        print_table(_TITLES, map(_row, found))
    click.echo(f"{sum(one.is_alive for one in found)} alive.")


def _row(one: "Seen") -> Sequence[Any]:
    row = one.row
    started = row.started_at.strftime("%Y-%m-%d %H:%M:%S")
    state = "alive" if one.is_alive else "silent"
    return row.id, row.host, row.version, str(row.threads), str(row.busy), started, f"{one.seconds:.0f} s ago", state
