"""``aasim marketplace``: review listings, grant credits, verify the ledger, and print the public key of bundles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from aasim_core import App, InvalidArgument, Refused
from aasim_core.context import organization_scope, system_scope
from aasim_core.data import records
from aasim_core.events.log import emit
from aasim_core.terminal.output import Terminal, print_table

from ..organizations import service as organizations
from . import service
from .bundles import signing
from .models import IN_REVIEW, STATUSES, Account, Listing
from .trading import ledger

_WHICH = click.argument("listing", metavar="LISTING")
_NOTES = click.option("--notes", required=True, help="The message for the seller.")
_VERSION = click.option(
    "--version", type=int, required=True, help='The version that you have looked at, as "aasim marketplace list" shows it.'
)


def list_listings(app: App) -> click.Command:
    """``aasim marketplace list``."""

    @click.command(
        "list", help="Show the listings of all organizations that wait for review, or those of another status, the oldest first."
    )
    @click.option("--status", type=click.Choice(STATUSES), default=IN_REVIEW, show_default=True, help="Only those that are so.")
    def command(status: str) -> None:
        with _opened(app):
            found = Listing.select().where(Listing.status == status).order_by(Listing.updated_at, Listing.id)
            rows = [
                (each.id, str(each.version), each.title, each.organization_id, f"{each.updated_at:%Y-%m-%d}") for each in found
            ]
        print_table(("id", "version", "title", "organization", "since"), rows)

    return command


def approve(app: App) -> click.Command:
    """``aasim marketplace approve``."""

    @click.command("approve", help="Publish a listing that waits for review, or one that was suspended.")
    @_WHICH
    @_VERSION
    def command(listing: str, version: int) -> None:
        _decide(app, listing, version, lambda found: service.approve(app, found))

    return command


def reject(app: App) -> click.Command:
    """``aasim marketplace reject``."""

    @click.command("reject", help="Send a listing that waits for review back to its seller.")
    @_WHICH
    @_VERSION
    @_NOTES
    def command(listing: str, version: int, notes: str) -> None:
        _decide(app, listing, version, lambda found: service.reject(found, notes))

    return command


def suspend(app: App) -> click.Command:
    """``aasim marketplace suspend``."""

    @click.command("suspend", help="Take a published listing away from buyers; what was bought stays.")
    @_WHICH
    @_VERSION
    @_NOTES
    def command(listing: str, version: int, notes: str) -> None:
        _decide(app, listing, version, lambda found: service.suspend(found, notes))

    return command


def grant(app: App) -> click.Command:
    """``aasim marketplace grant``."""

    @click.command("grant", help="Give an organization credits. NAME_OR_ID is its id, slug or name, AMOUNT in micro-credits.")
    @click.argument("organization", metavar="NAME_OR_ID")
    @click.argument("amount", type=click.IntRange(1, 10**15))
    @click.option("--reason", required=True, help="The reason; recorded in its log and ledger.")
    def command(organization: str, amount: int, reason: str) -> None:
        with _opened(app), app.database.transaction():
            one = organizations.chosen(organization)
            with organization_scope(one.id):
                ledger.grant(one.id, amount, reason)
                account = Account.get(Account.type == "balance")
                emit("marketplace.granted", account, data={"amount": amount, "reason": reason})
                held = ledger.balance()
        click.echo(f"{one.name} ({one.id}) has {held:,} micro-credits.")

    return command


def verify(app: App) -> click.Command:
    """``aasim marketplace verify``."""

    @click.command("verify", help="Verify the ledger of credits; exits with 1 if anything is wrong.")
    def command() -> None:
        terminal = Terminal()
        with _opened(app):
            found = ledger.audit()
        for transaction_id in found.unbalanced:
            terminal.trouble(f"the entries of {transaction_id} do not add up to zero")
        for account_id in found.wrong:
            terminal.trouble(f"{account_id} does not have what its entries add up to")
        if found.unbalanced or found.wrong:
            raise click.exceptions.Exit(1)
        erased = f" ({found.one_sided:,} with an erased organization)" if found.one_sided else ""
        terminal.done(
            f"{found.transactions:,} transactions{erased} add up to zero, and {found.accounts:,} accounts to their entries."
        )

    return command


def key(app: App) -> click.Command:
    """``aasim marketplace key``."""

    @click.command("key", help="Show the public key of this installation, which others pin to import its listings.")
    def command() -> None:
        current, *former = signing.public_keys(app.keyring)
        click.echo(current)
        if former:
            Terminal().say(f"Bundles that were made before the keys were rotated are signed with {', '.join(former)}.")

    return command


def _decide(app: App, listing_id: str, version: int, decide: Callable[[Listing], object]) -> None:
    """Decide on the listing as it was seen; InvalidArgument for another version, or what cannot be decided so."""
    with _opened(app), app.database.transaction():
        listing: Listing | None = records.find_or_none(Listing, listing_id)
        if listing is None:
            raise InvalidArgument(f'there is no listing {listing_id}; "aasim marketplace list" shows them')
        if listing.version != version:
            raise InvalidArgument(f"{listing_id} has version {listing.version} by now; look at it again")
        with organization_scope(listing.organization_id):
            try:
                decide(listing)
            except Refused as refused:
                wrong = [f"{path}: {each.message}" for path, problems in refused.problems.items() for each in problems]
                raise InvalidArgument(*wrong) from refused
    click.echo(f"{listing.title} ({listing.id}) is {listing.status}.")


@contextmanager
def _opened(app: App) -> Iterator[None]:
    try:
        with app.database.connected(), system_scope("an operator looks after the marketplace"):
            yield
    finally:
        app.database.close_all()
