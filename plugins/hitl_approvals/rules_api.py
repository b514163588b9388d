"""The endpoints of policies, which say who decides, and of delegations, by which somebody decides for somebody else."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Invalid, Problem, Request, Response, operation
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import require_member, require_visible_member
from aasim_core.clock import now
from aasim_core.data.statements import Bind, Condition
from aasim_core.http.collection import DELETED
from aasim_core.http.query import ListQuery

from . import schemas
from .models import Delegation, Policy
from .references import require_assignee

if TYPE_CHECKING:
    from datetime import datetime

MANAGE, DECIDE = "hitl_approvals:manage", "hitl_approvals:decide"


class Policies(Collection):
    """Policies of approvals; they belong to the organization."""

    record = Policy
    events = "hitl_approvals"
    event_prefix = "policy_"
    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/policies", "one": "/hitl-approvals/policies/{policy_id}"}
    body = schemas.PolicyIn()
    reply = schemas.PolicyOut()
    unique = ("name",)
    query = ListQuery(
        schemas.PolicyOut(),
        filters=("name", "position", "active", "required", "tool", "created_at", "updated_at"),
        sorts=("position", "name", "created_at", "updated_at"),
        search=("name",),
        default="position",
    )

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Whoever is named must be there, for the caller."""
        caller = Delegator.of(self.app, req.principal)
        for number, assignee in enumerate(values.get("assignees", ())):
            require_assignee(assignee, f"assignees[{number}].id", caller)
        return values

    @operation(MANAGE, query="query", reply="reply", many=True, message="Policies listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List the policies of approvals, in the order in which they are looked at."""
        super().on_get(req, resp, **ids)

    @operation(MANAGE, body="body", reply="reply", status=201, message="Policy created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a policy: what needs an approval, and who decides it."""
        super().on_post(req, resp, **ids)

    @operation(MANAGE, reply="reply", message="Policy read.")
    def on_get_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Read a policy of approvals."""
        super().on_get_one(req, resp, **ids)

    @operation(MANAGE, body="body", reply="reply", message="Policy replaced.")
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace a policy; what is left out returns to its default. Approvals that are open stay as they are."""
        super().on_put_one(req, resp, **ids)

    @operation(MANAGE, body="body", reply="reply", message="Policy changed.")
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some fields of a policy; null clears a field that may be empty."""
        super().on_patch_one(req, resp, **ids)

    @operation(MANAGE, reply=DELETED, message="Policy deleted.")
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete a policy."""
        super().on_delete_one(req, resp, **ids)

    def _verb(self, verb: str) -> str:
        return MANAGE


class Delegations(Collection):
    """Delegations: one's own, and those to oneself; those of others are for whoever manages approvals."""

    record = Delegation
    events = "hitl_approvals"
    event_prefix = "delegation_"
    others = MANAGE
    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/delegations", "one": "/hitl-approvals/delegations/{delegation_id}"}
    body = schemas.DelegationIn()
    reply = schemas.DelegationOut()
    query = ListQuery(
        schemas.DelegationOut(), filters=("from_user_id", "to_user_id", "until", "created_at"), sorts=("created_at", "until")
    )

    def visible(self, req: Request, record: Delegation) -> bool:
        """Whether it concerns the caller, or they manage them all."""
        return req.principal.user_id in (record.from_user_id, record.to_user_id) or req.rights.allows_at(MANAGE, None)

    def allows(self, req: Request, permission: str, target: Delegation) -> bool:
        """It is changed by whom it is of, and by whoever manages them all; `visible` has hidden the others."""
        is_reading = permission == self._verb("read")
        own = target.from_user_id == req.principal.user_id or is_reading
        return req.rights.has_anywhere(permission) and (own or req.rights.allows_at(MANAGE, None))

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        if req.rights.allows_at(MANAGE, None):
            return []

        def mine() -> Any:
            return (Delegation.from_user_id == Bind("me")) | (Delegation.to_user_id == Bind("me"))

        return [Condition(mine, {"me": req.principal.user_id}, "delegations of mine")]

    def check(self, req: Request, values: dict[str, Any], record: Delegation | None = None) -> dict[str, Any]:
        """Both are members and not the same; whoever is named anew is there for the caller, and what is given is theirs to give."""
        whole = {**(record.row() if record is not None else {"from_user_id": req.principal.user_id}), **values}
        if whole["from_user_id"] != req.principal.user_id:
            req.rights.require_at(MANAGE, None)
        caller = Delegator.of(self.app, req.principal)
        for field in ("from_user_id", "to_user_id"):
            require_member(whole[field], field)
            if record is None or whole[field] != getattr(record, field):
                require_visible_member(caller, whole[field], field)
        if whole["from_user_id"] == whole["to_user_id"]:
            raise Invalid({"to_user_id": [Problem("invalid_choice", "Name another member; nobody stands in for themselves.")]})
        _require_future(values.get("until"))
        return {"from_user_id": whole["from_user_id"], **values}

    @operation("read", query="query", reply="reply", many=True, message="Delegations listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List one's own delegations, and those to oneself; who manages approvals sees all."""
        super().on_get(req, resp, **ids)

    @operation(DECIDE, body="body", reply="reply", status=201, message="Delegation created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Let another member decide what one may decide oneself, until a time."""
        record = self.create(req, self.check(req, req.body))
        resp.location, resp.media = self.location(record), record

    @operation("read", reply="reply", message="Delegation read.")
    def on_get_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Read a delegation."""
        super().on_get_one(req, resp, **ids)

    @operation(DECIDE, body="body", reply="reply", message="Delegation replaced.")
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace a delegation."""
        super().on_put_one(req, resp, **ids)

    @operation(DECIDE, body="body", reply="reply", message="Delegation changed.")
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some fields of a delegation."""
        super().on_patch_one(req, resp, **ids)

    @operation(DECIDE, reply=DELETED, message="Delegation ended.")
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """End a delegation."""
        super().on_delete_one(req, resp, **ids)

    def _verb(self, verb: str) -> str:
        return f"hitl_approvals:{verb}" if verb == "read" else DECIDE


def _require_future(until: "datetime | None") -> None:
    if until is not None and until <= now():
        raise Invalid({"until": [Problem("out_of_range", "Write a time in the future.")]})
