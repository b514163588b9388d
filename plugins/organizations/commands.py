"""``aasim organizations``: list the organizations of the installation, suspend and reactivate them, and export their data."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from aasim_core import App, InvalidArgument
from aasim_core.context import organization_scope, system_scope
from aasim_core.resources import takeout
from aasim_core.tenancy.records import ACTIVE, CLOSING, SUSPENDED, Organization
from aasim_core.terminal.output import Terminal, print_table

from . import service

_REASON = click.option("--reason", required=True, help="The reason; recorded in its log.")
_WHICH = click.argument("organization", metavar="NAME_OR_ID")


def list_organizations(app: App) -> click.Command:
    """``aasim organizations list``."""

    @click.command("list", help="Show every organization, the oldest first, with how many members it has.")
    @click.option("--status", type=click.Choice((ACTIVE, SUSPENDED, CLOSING)), help="Only those that are so.")
    def command(status: str | None) -> None:
        with _opened(app):
            found = service.with_members(status)
        rows = [
            (each.id, each.name, each.slug, each.status, f"{count:,}", f"{each.created_at:%Y-%m-%d}") for each, count in found
        ]
        print_table(("id", "name", "slug", "status", "members", "since"), rows)

    return command


def suspend(app: App) -> click.Command:
    """``aasim organizations suspend``."""
    return _switching(
        app, "suspend", service.suspend, "Suspend an organization: its members are answered 403, and nothing runs in it."
    )


def reactivate(app: App) -> click.Command:
    """``aasim organizations reactivate``."""
    return _switching(app, "reactivate", service.reactivate, "Reactivate a suspended organization; its runs continue.")


def export(app: App) -> click.Command:
    """``aasim organizations export``."""
    text = "Write everything that an organization has to FILE, as JSON lines: as long as that takes. NAME_OR_ID is its id, slug or name."

    @click.command("export", help=text)
    @_WHICH
    @click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
    def command(organization: str, path: Path) -> None:
        terminal = Terminal()
        with _opened(app), terminal.working("exporting") as report:
            one = service.chosen(organization)
            with organization_scope(one.id):
                written = _write(app, one.id, path, lambda amount: report("exporting", amount, None))
                service.note_export(app, one)
        terminal.done(f"{one.name} ({one.id}) is in {path}: {written:,} bytes.")

    return command


def _write(app: App, organization_id: str, path: Path, report: Callable[[int], object]) -> int:
    """Write the export to a new file that only its owner may read; returns its length. InvalidArgument where the file exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise InvalidArgument(f"{path} is there already; name another file") from None
    with open(descriptor, "wb") as file:
        for lines, _ in takeout.pieces(app, organization_id, partial(organization_scope, organization_id)):
            file.write(lines)
            report(file.tell())
        return file.tell()


def _switching(app: App, name: str, switch: Callable[[App, Organization, str], bool], text: str) -> click.Command:
    @click.command(name, help=f"{text} NAME_OR_ID is its id, slug or name.")
    @_WHICH
    @_REASON
    def command(organization: str, reason: str) -> None:
        with _opened(app), app.database.transaction():
            one = service.chosen(organization)
            with organization_scope(one.id):
                changed = switch(app, one, reason)
        already = "" if changed else " already, and stays so"
        click.echo(f"{one.name} ({one.id}) is {one.status}{already}.")

    return command


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator looks after all organizations"):
            yield
    finally:
        app.database.close_all()
