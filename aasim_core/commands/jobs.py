"""``aasim jobs``: see background work, and decide about jobs that failed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ..errors import InvalidArgument, Refused
from ..jobs.records import STATES

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.records import JobRow
    from ..settings import Settings

_STYLES = {"running": "green", "failed": "bold red", "dead": "bold red", "parked": "yellow", "cancelled": "dim", "done": "dim"}
_filters = (
    click.option("--state", type=click.Choice(STATES), help="Only those in this state."),
    click.option("--name", metavar="NAME", help="Only those of this kind, of this plugin, or that run for it."),
)


@click.group("jobs")
def group() -> None:
    """Background jobs: see them, try failed ones again, discard them."""


@group.command("list")
@_filters[0]
@_filters[1]
@click.option("--organization", metavar="ID", help="Only those of this organization.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Maximum number of jobs, newest first."
)
@click.pass_obj
def list_jobs(settings: "Settings", state: str | None, name: str | None, organization: str | None, limit: int) -> None:
    """Show the latest jobs, and how many there are in each state."""
    from ..jobs import administration

    with _opened(settings):
        jobs = administration.find_jobs(state, name, organization, limit)
        counts = administration.count_jobs()
    _print_table(("id", "job", "state", "organization", "attempts", "next run, or end", "error"), map(_row, jobs))
    click.echo(", ".join(f"{counts[state]:,} {state}" for state in STATES if state in counts) or "There are no jobs.")


@group.command("show")
@click.argument("job_id", metavar="ID")
@click.pass_obj
def show(settings: "Settings", job_id: str) -> None:
    """Show everything about one job."""
    from ..jobs import administration

    with _opened(settings):
        job = administration.find_job(job_id)
    _print_table(("", ""), ((name, _shown(getattr(job, name))) for name in job._meta.sorted_field_names))


@group.command("retry")
@click.argument("job_ids", nargs=-1, metavar="ID...")
@_filters[0]
@_filters[1]
@click.pass_obj
def retry(settings: "Settings", job_ids: Sequence[str], state: str | None, name: str | None) -> None:
    """Put jobs back into the queue that failed or are dead: the ones named, or all of a state."""
    from ..jobs import administration

    with _opened(settings) as app:
        refused = _each(_chosen(job_ids, state, name), administration.retry, "put back into the queue")
        app.notifier.notify()
    _tell(refused)


@group.command("discard")
@click.argument("job_ids", nargs=-1, metavar="ID...")
@_filters[0]
@_filters[1]
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def discard(settings: "Settings", job_ids: Sequence[str], state: str | None, name: str | None, yes: bool) -> None:
    """Delete jobs that will not run any more, with what they were to do: the ones named, or all of a state."""
    from ..jobs import administration

    with _opened(settings):
        chosen = _chosen(job_ids, state, name)
        count = administration.count_known(chosen)
        if count and not yes:
            one, many = (
                "What this job was to do will never be done. Delete it?",
                "What {} jobs were to do will never be done. Delete them?",
            )
            click.confirm(one if count == 1 else many.format(count), abort=True)
        refused = _each(chosen, administration.discard, "deleted")
    _tell(refused)


@group.command("schedules")
@click.pass_obj
def schedules(settings: "Settings") -> None:
    """Show which jobs run by themselves, and when."""
    from ..clock import now
    from ..jobs.schedules import latest_claimed, next_due

    with _opened(settings) as app:
        jobs = sorted((job for job in app.jobs.values() if job.schedule), key=lambda job: job.name)
        rows = [(job.name, job.schedule, latest_claimed(job.name, now()), next_due(job, now())) for job in jobs]
    _print_table(("job", "schedule (UTC)", "last due", "next due"), ([_shown(value) for value in row] for row in rows))


@contextmanager
def _opened(settings: "Settings") -> Iterator["App"]:
    from ..context import system_scope
    from ..process.installation import open_app

    app = open_app(settings)
    try:
        with app.database.connected(), system_scope("an operator looks after the jobs of all organizations"):
            yield app
    finally:
        app.database.close_all()


def _chosen(job_ids: Sequence[str], state: str | None, name: str | None) -> list[str]:
    from ..jobs import administration

    if bool(job_ids) == bool(state):
        raise click.UsageError("Say which jobs: by their ids, or by --state failed (and --name NAME).")
    return list(job_ids) or [job.id for job in administration.find_jobs(state, name, limit=10_000)]


def _each(job_ids: Sequence[str], decide: Callable[[str], object], told: str) -> list[str]:
    """Decide about each job, and say to how many it was done; returns why not to the others."""
    refused = []
    for job_id in job_ids:
        try:
            decide(job_id)
        except Refused as error:
            refused.append(f"{job_id}: {error.message}")
    click.echo(f"{len(job_ids) - len(refused)} {told}.")
    return refused


def _tell(refused: Sequence[str]) -> None:
    """End the command with an error where it was refused for some."""
    if refused:
        raise InvalidArgument(*refused)


def _row(job: "JobRow") -> list[Any]:
    from rich.text import Text

    when = job.finished_at or job.run_at
    state = Text(job.state, _STYLES.get(job.state, ""))
    return [
        job.id,
        job.name,
        state,
        job.organization_id,
        f"{job.attempt}/{job.max_attempts}",
        _shown(when),
        Text(job.error or ""),
    ]


def _shown(value: Any) -> Any:
    from datetime import datetime

    from rich.text import Text

    from ..text.json import to_json

    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return Text(to_json(value).decode() if isinstance(value, dict | list) else "" if value is None else str(value))


def _print_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from ..terminal.output import print_table

    print_table(titles, rows)
