"""The endpoint that tries a listing."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Request, Response, operation

from ...executions.resources import DERIVED, ExecutionOut, accepted
from .. import orders
from ..api import Listings
from ..models import Listing
from ..trading import buying
from ..trading.planning import Order
from . import running
from .schemas import TryIn
from .spending import Most


class Tries(Listings):
    """Tries of listings."""

    paths: ClassVar[Mapping[str, str]] = {"try": "/marketplace/{listing_id}/try"}
    try_body = TryIn()
    reply = ExecutionOut()
    derived: ClassVar[Mapping[str, Any]] = DERIVED

    @operation(
        "purchase",
        body="try_body",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="Try queued.",
        refusals=("invalid_state", "too_many_tries", "queue_full", "budget_exceeded"),
    )
    def on_post_try(self, req: Request, resp: Response, listing_id: str) -> None:
        """Try a listing before a purchase.

        It runs the seller's examples on your own engine; the output contains the score, and the cost and duration of a run.
        """
        if isinstance(req.target, Listing):
            raise buying.is_own()
        order = Order(None, None, req.body["engine_id"], req.body["tools"])
        most = Most(req.body["max_cost"], req.body["max_tokens"])
        execution = running.begin(self.app, req.target, order, orders.buyer_of(req), most, req.principal.api_key_id)
        accepted(self, req, resp, execution)
