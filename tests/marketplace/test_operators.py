"""What the people who run the installation do with the marketplace, at the command line."""

from collections.abc import Callable, Mapping
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.marketplace.bundles.signing import public_keys
from aasim_plugins.marketplace.commands import approve, grant, key, list_listings, reject, suspend, verify
from aasim_plugins.marketplace.models import Account

from .conftest import LOG, Make, balance, buy


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Listings are reviewed."""
    return {"marketplace.review": True}


def call(app: App, command: Callable[[App], click.Command], *arguments: str) -> Result:
    """Call a command as an operator does."""
    return CliRunner().invoke(command(app), arguments)


def read(person: Person, listing_id: str) -> dict[str, Any]:
    return dict(person.client.get(f"/marketplace/{listing_id}").data)


@pytest.mark.long
def test_a_listing_waits_until_it_is_approved(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    waiting = listing()
    assert read(seller, waiting["id"])["status"] == "in_review"
    assert buyer.client.get(f"/marketplace/{waiting['id']}").status == 404
    version = str(read(seller, waiting["id"])["version"])
    assert waiting["id"] in call(app, list_listings).output
    assert call(app, approve, waiting["id"], "--version", version).output == f"Invoice reader ({waiting['id']}) is published.\n"
    assert read(buyer, waiting["id"])["status"] == "published"


def test_what_was_changed_meanwhile_is_not_decided_on(app: App, seller: Person, listing: Make) -> None:
    waiting = listing()
    seller.client.patch(f"/marketplace/{waiting['id']}", {"summary": "Something else."})
    result = call(app, approve, waiting["id"], "--version", str(waiting["version"]))
    assert "look at it again" in str(result.exception)
    assert read(seller, waiting["id"])["status"] == "in_review"


def test_a_rejected_listing_says_why_and_can_be_handed_in_again(app: App, seller: Person, listing: Make) -> None:
    waiting = listing()
    version = str(read(seller, waiting["id"])["version"])
    call(app, reject, waiting["id"], "--version", version, "--notes", "Say what it keeps.")
    found = read(seller, waiting["id"])
    assert (found["status"], found["review_notes"]) == ("rejected", "Say what it keeps.")
    changed = seller.client.patch(
        f"/marketplace/{waiting['id']}", {"description": "It keeps nothing.", "status": "published"}
    ).data
    assert changed["status"] == "in_review"


def test_a_suspended_listing_is_away_until_it_is_approved_again(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    waiting = listing()
    call(app, approve, waiting["id"], "--version", str(read(seller, waiting["id"])["version"]))
    bought = buy(buyer, waiting["id"]).data["purchase"]
    version = str(read(seller, waiting["id"])["version"])
    call(app, suspend, waiting["id"], "--version", version, "--notes", "It answers with names.")
    assert buyer.client.get(f"/marketplace/{waiting['id']}").status == 404
    assert seller.client.patch(f"/marketplace/{waiting['id']}", {"title": "Other"}).codes == {"_": ["invalid_state"]}
    assert buyer.client.get(f"/agents/{bought['agent_id']}").status == 200
    call(app, approve, waiting["id"], "--version", str(read(seller, waiting["id"])["version"]))
    assert read(buyer, waiting["id"])["status"] == "published"


def test_credits_are_granted_and_added_up(app: App, buyer: Person) -> None:
    result = call(app, grant, "Buyer", "5000000", "--reason", "Third quarter")
    assert result.output == f"Buyer ({buyer.organization_id}) has 5,000,000 micro-credits.\n"
    assert balance(buyer) == 5_000_000
    [told] = buyer.client.get(f"{LOG}marketplace.granted").data["items"]
    assert told["data"] == {"amount": 5_000_000, "reason": "Third quarter"}
    assert call(app, verify).exit_code == 0


def test_a_balance_that_was_tampered_with_is_found(app: App, buyer: Person) -> None:
    call(app, grant, "Buyer", "5", "--reason", "Third quarter")
    with app.database.connected(), app.database.transaction(), organization_scope(buyer.organization_id):
        Account.update(amount=50).where(Account.type == "balance").execute()
    assert call(app, verify).exit_code == 1


def test_what_nobody_has_reviewed_is_not_exported(app: App, seller: Person, listing: Make) -> None:
    inside = listing(visibility="organization")
    assert inside["status"] == "published"
    assert seller.client.get(f"/marketplace/{inside['id']}/bundle").codes == {"_": ["invalid_state"]}


def test_the_key_that_bundles_are_signed_with_is_shown(app: App) -> None:
    assert call(app, key).output == f"{public_keys(app.keyring)[0]}\n"
