"""``aasim activities``: verify the logs of all organizations, and restart a chain."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from aasim_core import App, InvalidArgument
from aasim_core.context import system_scope
from aasim_core.events.chain import restarting, verification
from aasim_core.events.chain.verification import Findings
from aasim_core.terminal.output import Report, Terminal


def verify(app: App) -> click.Command:
    """``aasim activities verify``."""

    @click.command("verify", help="Look for activities that were changed, removed or inserted; exits with 1 if there are any.")
    @click.option("--organization", metavar="ID", help="Only the log of this organization.")
    def command(organization: str | None) -> None:
        terminal, broken = Terminal(), False
        with _opened(app):
            logged = verification.logged_organizations()
            if organization is not None and organization not in logged:
                raise InvalidArgument(f"{organization} has no sealed log; without --organization, all that have one are verified")
            if not logged:
                terminal.done("No log is sealed yet; a worker seals new activities each minute.")
            for organization_id in [organization] if organization else logged:
                with terminal.working(f"verifying {organization_id}") as report:
                    findings = _whole_of(app, organization_id, report)
                broken = broken or bool(findings.faults)
                _tell(terminal, organization_id, findings)
        if broken:
            raise click.exceptions.Exit(1)

    return command


def restart(app: App) -> click.Command:
    """``aasim activities restart``."""

    @click.command(
        "restart", help="Restart the chain after a log's last activity, whatever is wrong before it; the log records this."
    )
    @click.argument("organization_id", metavar="ORGANIZATION")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def command(organization_id: str, yes: bool) -> None:
        if not yes:
            click.confirm("The present contents of the log will no longer be vouched for. Continue?", abort=True)
        with _opened(app):
            if organization_id not in verification.logged_organizations():
                message = f'{organization_id} has no sealed log; "aasim activities verify" names those that have one'
                raise InvalidArgument(message)
            last = restarting.restart(app.database, app.keyring, organization_id)
        click.echo(f"The log of {organization_id} is restarted after activity {last}.")

    return command


def _whole_of(app: App, organization_id: str, report: Report) -> Findings:
    """The findings of the whole log."""
    found = verification.verify(app.keyring, organization_id)
    while found.next_after is not None and len(found.faults) < verification.MOST_FAULTS:
        report(f"verifying {organization_id}", found.next_after, found.head.sequence)
        found = found.with_next(verification.verify(app.keyring, organization_id, after=found.next_after))
    return found


def _tell(terminal: Terminal, organization_id: str, found: Findings) -> None:
    for fault in found.faults:
        terminal.trouble(f"{organization_id}: {fault.kind}: {fault.message}")
    if not found.faults:
        erased = f", {found.erased:,} of them with erased contents" if found.erased else ""
        begins = f", after {found.begins_after:,} that are no longer kept" if found.begins_after else ""
        head = f"the last is {found.head.sequence}, {found.head.hash}"
        terminal.done(f"{organization_id}: {found.checked:,} activities{erased}{begins}; {head}")


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator looks after the logs of all organizations"):
            yield
    finally:
        app.database.close_all()
