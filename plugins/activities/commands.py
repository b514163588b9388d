"""``aasim activities``: verify the logs of all organizations, and begin one anew."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from aasim_core import App, StartupError
from aasim_core.context import system_scope
from aasim_core.events import restarting, verification
from aasim_core.events.chain import Fault
from aasim_core.events.verification import Findings
from aasim_core.terminal import Report, Terminal


def verify(app: App) -> click.Command:
    """``aasim activities verify``."""

    @click.command("verify", help="Look for activities that were changed, removed or inserted; exits with 1 if there are any.")
    @click.option("--organization", metavar="ID", help="Only the log of this organization.")
    def command(organization: str | None) -> None:
        terminal, broken = Terminal(), False
        with _opened(app):
            for organization_id in [organization] if organization else verification.logged_organizations():
                with terminal.working(f"verifying {organization_id}") as report:
                    last, checked, faults = _whole_of(app, organization_id, report)
                broken = broken or bool(faults)
                _tell(terminal, organization_id, last, checked, faults)
        if broken:
            raise click.exceptions.Exit(1)

    return command


def restart(app: App) -> click.Command:
    """``aasim activities restart``."""

    @click.command("restart", help="Seal on after a log's last activity, whatever is wrong before it; the log tells of it.")
    @click.argument("organization_id", metavar="ORGANIZATION")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def command(organization_id: str, yes: bool) -> None:
        if not yes:
            click.confirm("What is in the log now will not be vouched for any more. Go on?", abort=True)
        with _opened(app):
            if organization_id not in verification.logged_organizations():
                raise StartupError(f'{organization_id} has no sealed log; "aasim activities verify" names those that have one')
            last = restarting.restart(app, organization_id)
        click.echo(f"The log of {organization_id} is sealed anew after activity {last}.")

    return command


def _whole_of(app: App, organization_id: str, report: Report) -> tuple[Findings, int, list[Fault]]:
    """The last findings, how many activities were looked at, and all that is wrong with them."""
    findings = verification.verify(app.keyring, organization_id)
    checked, faults = findings.checked, list(findings.faults)
    while findings.next_after is not None and len(faults) < verification.MOST_FAULTS:
        report(f"verifying {organization_id}", findings.next_after, findings.head.sequence)
        findings = verification.verify(app.keyring, organization_id, after=findings.next_after)
        checked, faults = checked + findings.checked, [*faults, *(fault for fault in findings.faults if fault not in faults)]
    return findings, checked, faults


def _tell(terminal: Terminal, organization_id: str, last: Findings, checked: int, faults: list[Fault]) -> None:
    for fault in faults:
        terminal.trouble(f"{organization_id}: {fault.kind}: {fault.message}")
    if not faults:
        begins = f", after {last.begins_after:,} that are no longer kept" if last.begins_after else ""
        terminal.done(f"{organization_id}: {checked:,} activities{begins}; the last is {last.head.sequence}, {last.head.hash}")


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator looks after the logs of all organizations"):
            yield
    finally:
        app.database.close_all()
