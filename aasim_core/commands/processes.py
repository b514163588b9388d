"""``aasim serve``, ``aasim worker``, ``aasim workers`` and ``aasim up``: the processes of the platform."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .options import flags_of, setting_option

if TYPE_CHECKING:
    from ..processes import Seen
    from ..settings import Settings

#: The columns of `aasim workers list`.
_TITLES = ("name", "machine", "version", "threads", "busy", "started", "last heartbeat", "state")


def _end_with_parent(ctx: click.Context, parameter: click.Parameter, parent: int | None) -> None:
    if parent is not None:
        from ..process.supervisor import end_with

        end_with(parent)


_parent_option = click.option(
    "--parent", type=int, hidden=True, callback=_end_with_parent, expose_value=False, help="End when this process is gone."
)


@click.command()
@setting_option("data_dir", "--data", metavar="DIR", help="The data folder.")
@setting_option("server.bind", "--bind", metavar="HOST:PORT", help="Where to listen.")
@_parent_option
@click.pass_context
def serve(context: click.Context) -> None:
    """Answer the API until SIGTERM, which lets running requests finish."""
    settings: Settings = context.obj
    from ..logs import configuration as logs
    from ..process import server
    from ..process.installation import prepare, refuse_exposure, refuse_taken_port

    logs.configure(settings.log, gathers=True)
    prepare(settings)
    refuse_exposure(settings)
    refuse_taken_port(settings, flag="--bind" if "server.bind" in flags_of(context) else None)
    server.run(settings)


@click.command()
@setting_option("data_dir", "--data", metavar="DIR", help="The data folder.")
@_parent_option
@click.pass_obj
def worker(settings: "Settings") -> None:
    """Do the background work until SIGTERM, which lets running jobs finish or hands them back."""
    from ..logs import configuration as logs
    from ..process import worker as process
    from ..process.installation import prepare

    logs.configure(settings.log, gathers=True)
    prepare(settings)
    process.run(settings)


@click.command()
@setting_option("data_dir", "--data", metavar="DIR", help="The data folder.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on, on this machine only.")
@click.option("--email", default="admin@example.com", show_default=True, help="The first administrator's address.")
@click.option("--demo", is_flag=True, help="Run a sample workflow once, show what happens, and exit.")
@click.option(
    "--reload", is_flag=True, help="Restart when the code of a plugin, or the settings file, changes: for work on plugins."
)
@click.pass_context
def up(ctx: click.Context, port: int | None, email: str, demo: bool, reload: bool) -> None:
    """Prepare what is missing (database, first administrator, model file), then run API and worker until Ctrl-C."""
    if reload and demo:
        raise click.UsageError("--demo ends by itself, so --reload has nothing to restart; leave out one of them.")
    from ..process.launch import Launch
    from ..process.up import up as bring_up
    from .options import load_settings

    if port is not None:
        flags_of(ctx)["server.bind"] = f"127.0.0.1:{port}"
    if demo and ctx.obj.mail.backend == "console":
        flags_of(ctx)["mail.backend"] = "none"  # a mail would be written into what is shown
    ctx.obj = load_settings(ctx)
    ctx.exit(bring_up(Launch(ctx.obj, flags_of(ctx)), email=email, demo=demo, reload=reload))


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
