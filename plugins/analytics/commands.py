"""``aasim analytics``: verify the stored sums against their source rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from aasim_core import App, InvalidArgument
from aasim_core.clock import to_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.terminal.output import Report, Terminal

from .rollups import verification
from .rollups.verification import Findings

#: How many faults are named, of one organization.
_MOST_NAMED = 100
_DAY = click.DateTime(["%Y-%m-%d"])


def verify(app: App) -> click.Command:
    """``aasim analytics verify``."""

    @click.command("verify", help="Count again what analytics has written; exits with 1 if a quarter of an hour differs.")
    @click.option("--from", "since", type=_DAY, metavar="DAY", help="From that day on (UTC), such as 2026-01-31.")
    @click.option("--to", "until", type=_DAY, metavar="DAY", help="Until before that day.")
    @click.option("--organization", metavar="ID", help="Only that organization.")
    def command(since: datetime | None, until: datetime | None, organization: str | None) -> None:
        if since is not None and until is not None and since >= until:
            raise InvalidArgument(
                f"--from {since:%Y-%m-%d} is not before --to {until:%Y-%m-%d}; --to is the day after the last one"
            )
        terminal, differs = Terminal(), False
        with _opened(app):
            for organization_id in _chosen(organization, terminal):
                with terminal.working(f"counting {organization_id}") as report, organization_scope(organization_id):
                    found = _whole_of(app, _in_utc(since), _in_utc(until), report)
                differs = differs or bool(found.differing or found.sums)
                _tell(terminal, organization_id, found)
        if differs:
            raise click.exceptions.Exit(1)

    return command


def _chosen(organization: str | None, terminal: Terminal) -> list[str]:
    written = verification.written_organizations()
    if organization is not None and organization not in written:
        raise InvalidArgument(
            f"nothing is written of {organization}; without --organization, all are verified of which something is"
        )
    if not written:
        terminal.done("Nothing is written yet; a worker writes each quarter of an hour when it is over.")
    return written if organization is None else [organization]


def _whole_of(app: App, since: datetime | None, until: datetime | None, report: Report) -> Findings:
    found = Findings()
    days = list(verification.days(app, since, until))
    for number, (start, end) in enumerate(days, 1):
        found.add(verification.verify(app, start, end))
        report(f"counting {start:%Y-%m-%d}", number, len(days))
    return found


def _tell(terminal: Terminal, organization_id: str, found: Findings) -> None:
    faults = [f"the quarter of an hour from {to_text(start)} on is not what its rows say" for start in found.differing]
    faults += [f"the sums of the {level} from {to_text(start)} on are not those of its quarters" for start, level in found.sums]
    for fault in faults[:_MOST_NAMED]:
        terminal.trouble(f"{organization_id}: {fault}")
    if len(faults) > _MOST_NAMED:
        terminal.trouble(f"{organization_id}: and {len(faults) - _MOST_NAMED:,} more")
    rest = ""
    if found.unverifiable:
        first, last = to_text(found.unverifiable[0]), to_text(found.unverifiable[-1])
        rest = f"; {len(found.unverifiable):,}, from {first} to {last}, cannot be: retention has deleted executions of them"
    terminal.done(f"{organization_id}: {found.verified:,} quarters of an hour are as their rows say{rest}")


def _in_utc(day: datetime | None) -> datetime | None:
    return None if day is None else day.replace(tzinfo=UTC)


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator verifies what is counted of all organizations"):
            yield
    finally:
        app.database.close_all()
