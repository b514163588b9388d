"""``aasim organizations``: see the organizations of the installation, bar one, and let it in again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from aasim_core import App, StartupError
from aasim_core.access.records import ACTIVE, CLOSING, SUSPENDED, Organization
from aasim_core.context import organization_scope, system_scope
from aasim_core.terminal import print_table

from . import service

_REASON = click.option("--reason", required=True, help="Why; its log keeps it.")
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
        app, "suspend", service.suspend, "Bar an organization: its members are answered 403, and nothing runs in it."
    )


def reactivate(app: App) -> click.Command:
    """``aasim organizations reactivate``."""
    return _switching(app, "reactivate", service.reactivate, "Let a suspended organization in again; what it ran goes on.")


def _switching(app: App, name: str, switch: Callable[[App, Organization, str], bool], text: str) -> click.Command:
    @click.command(name, help=f"{text} NAME_OR_ID is its id, slug or name.")
    @_WHICH
    @_REASON
    def command(organization: str, reason: str) -> None:
        with _opened(app), app.database.transaction():
            one = _chosen(organization)
            with organization_scope(one.id):
                changed = switch(app, one, reason)
        already = "" if changed else " already, and stays so"
        click.echo(f"{one.name} ({one.id}) is {one.status}{already}.")

    return command


def _chosen(text: str) -> Organization:
    """The organization of that id, slug or name; StartupError where it is none, or more than one."""
    found = service.called(text)
    if not found:
        raise StartupError(f'there is no organization {text}; "aasim organizations list" shows all')
    if len(found) > 1:
        ids = ", ".join(each.id for each in found)
        raise StartupError(f"{len(found)} organizations are called {text}; name one by its id: {ids}")
    return found[0]


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator looks after all organizations"):
            yield
    finally:
        app.database.close_all()
