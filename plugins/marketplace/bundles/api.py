"""The endpoints that transfer listings between installations."""

from collections.abc import Mapping
from typing import ClassVar

from aasim_core import Request, Response, operation

from .. import orders
from ..api import GATES, Listings
from . import schemas, transfer


class Bundles(Listings):
    """Listings as signed files."""

    paths: ClassVar[Mapping[str, str]] = {"bundle": "/marketplace/{listing_id}/bundle", "import": "/marketplace/import"}
    bundle_reply = schemas.BundleOut()
    import_body = schemas.ImportIn()
    import_reply = schemas.ImportedOut()

    @operation("create", reply="bundle_reply", verb="export", message="Listing exported.", refusals=("invalid_state",))
    def on_get_bundle(self, req: Request, resp: Response, listing_id: str) -> None:
        """Export a published listing of your organization as a signed file, for another installation."""
        resp.media = transfer.bundle_of(self.app, req.target)

    @operation(
        "create",
        body="import_body",
        query="purchase_query",
        reply="import_reply",
        status=201,
        also=(200,),
        is_import=True,
        reach="place",
        message="Listing imported.",
        refusals=(*GATES, "bundle_broken", "key_not_trusted", "already_exists", "action_changed"),
    )
    def on_post_import(self, req: Request, resp: Response) -> None:
        """Import a signed listing: its agent, and a draft listing.

        With plan=true, only show the result; the import sends the plan's digest.
        """
        order, buyer = orders.order_of(self.app, req, self.permission_for("create")), orders.buyer_of(req)
        offer, signer = transfer.opened(self.app, req.body["bundle"])
        if not req.body["again"]:
            transfer.refuse_second(offer, req.rights)
        if req.query["plan"]:
            resp.media = {"planned": True, "plan": transfer.plan(self.app, offer, signer, order, buyer), "listing": None}
            resp.status, resp.message = 200, "Nothing is imported yet; this is what the import would make."
            return
        planned, listing = transfer.bring_in(self.app, offer, signer, order, buyer, orders.digest_of(req))
        resp.status, resp.location = 201, f"/api/v1/marketplace/{listing.id}"
        resp.media = {"planned": False, "plan": planned, "listing": self.plan.item(self.present(listing))}
