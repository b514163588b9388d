"""The endpoints of trading: the organization's purchases, and its ledger of credits."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from peewee import SQL

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.views import View
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, Plan

from .. import offers, orders, schemas
from ..models import CREDITS, Entry, Purchase
from ..settings import settings_of
from . import ledger, refunds, upgrades
from .schemas import UpgradedOut, UpgradeIn

_BOUGHT = View(Purchase, {"release": Purchase.number})
_LICENCE = Plan(schemas.PurchaseOut())
_ENTRIES = View(Entry, {"currency": SQL("'credits'")})


def licence(purchase: Purchase) -> Any:
    """Return a purchase as responses show it."""
    return _LICENCE.item({**purchase.row(), "release": purchase.number})


class _Available(Derived):
    """The newer release of each of the purchased listings, if there is one."""

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        newest = offers.releases(held["listing_id"])
        numbers = zip(held["listing_id"], held["number"], held["refunded_at"], strict=True)
        return [newest[each] if refunded is None and newest.get(each, 0) > number else None for each, number, refunded in numbers]


class Purchases(Collection):
    """The purchases of the organization."""

    record = Purchase
    view = _BOUGHT
    events = "marketplace"
    noun = "purchases"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/marketplace/my-purchases",
        "refund": "/marketplace/my-purchases/{purchase_id}/refund",
        "upgrade": "/marketplace/my-purchases/{purchase_id}/upgrade",
    }
    reply = schemas.BoughtOut()
    upgrade_body = UpgradeIn()
    upgrade_query = schemas.PlanQuery()
    upgrade_reply = UpgradedOut()
    derived: ClassVar[Mapping[str, Derived]] = {
        "available_release": _Available(("listing_id", "number", "refunded_at"), lambda row: None)
    }
    query = ListQuery(
        schemas.BoughtOut(), filters=("listing_id", "agent_id", "title", "created_at", "refunded_at"),
        sorts=("created_at", "title"), search=("title",),
    )  # fmt: skip
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List your organization's purchases: licences, copies, and newer releases."}
    }

    @operation("purchase", reply="reply", message="Licence given back.", refusals=("invalid_state",))
    def on_post_refund(self, req: Request, resp: Response, purchase_id: str) -> None:
        """Return a licence.

        The price is refunded, and the copy is deleted.
        """
        resp.media = self.present(refunds.refund(req.target, settings_of(self.app).refund_hours))

    @operation(
        "purchase",
        body="upgrade_body",
        query="upgrade_query",
        reply="upgrade_reply",
        message="Upgraded.",
        refusals=("invalid_state", "action_changed"),
    )
    def on_post_upgrade(self, req: Request, resp: Response, purchase_id: str) -> None:
        """Upgrade a copy to the newer release.

        With plan=true, only show the changes; the upgrade sends the plan's digest.
        """
        buyer, sent = orders.buyer_of(req), req.body
        if req.query["plan"]:
            planned = upgrades.plan(self.app, req.target, sent["tools"], buyer)
            resp.media = {"planned": True, "plan": planned, "purchase": None}
            resp.message = "Nothing is changed yet; this is what the upgrade would do."
            return
        digest = orders.digest_of(req)
        planned = upgrades.upgrade(self.app, req.target, sent["tools"], buyer, digest, sent["consent"], sent["decisions"])
        resp.media = {"planned": False, "plan": planned, "purchase": licence(req.target)}


class Entries(Collection):
    """The organization's ledger of credits."""

    record = Entry
    view = _ENTRIES
    events = "marketplace"
    noun = "entries"
    paths: ClassVar[Mapping[str, str]] = {"": "/marketplace/credits/entries", "balance": "/marketplace/credits"}
    reply = schemas.EntryOut()
    balance_reply = schemas.BalanceOut()
    query = ListQuery(
        schemas.EntryOut(),
        filters=("account", "type", "listing_id", "transaction_id", "created_at"),
        sorts=("created_at", "amount"),
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the ledger entries of your organization's credits."}
    }

    @operation("read", reply="balance_reply", message="Balance read.")
    def on_get_balance(self, req: Request, resp: Response) -> None:
        """Read how many credits your organization has."""
        resp.media = {"amount": ledger.balance(), "currency": CREDITS}
