"""Read an order from a request: the object, the buyer, and the confirmed plan."""

from typing import TYPE_CHECKING

from aasim_core import Request
from aasim_core.errors import Invalid, Problem

from .trading.planning import Buyer, Order

if TYPE_CHECKING:
    from aasim_core.app import App


def order_of(app: "App", req: Request, permission: str) -> Order:
    """What the body orders; Invalid or Refused for a place that is not there, or where the caller does not hold the permission."""
    wanted = {name: req.body[name] for name in ("name", "project_id", "engine_id", "tools")}
    req.rights.require_project(wanted["project_id"])
    req.rights.require_at(permission, wanted["project_id"])
    app.rights.refuse_archived(req.principal, wanted["project_id"])
    return Order(**wanted)


def buyer_of(req: Request) -> Buyer:
    """The caller, as the one that the copy is made for."""
    return Buyer(req.principal.user_id, req.rights)


def digest_of(req: Request) -> str:
    """The digest of the plan that was agreed to; Invalid where the body has none."""
    if req.body["digest"] is None:
        message = "Request the plan first, with plan=true, and send its digest, so that the result is what you saw."
        raise Invalid({"digest": [Problem("required", message)]})
    return str(req.body["digest"])
