"""The endpoints of policies and delegations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Invalid, Problem, Request, Response, operation
from aasim_core.access.delegation import Delegator
from aasim_core.access.members import require_member, require_visible_member
from aasim_core.clock import now
from aasim_core.data.conditions import Condition, any_of, equals
from aasim_core.lists.query import ListQuery

from .. import schemas
from ..models import Delegation, Policy
from .references import require_assignee

if TYPE_CHECKING:
    from datetime import datetime

MANAGE, DECIDE = "hitl_approvals:manage", "hitl_approvals:decide"


class Policies(Collection):
    """Policies of approvals; they belong to the organization."""

    record = Policy
    events = "hitl_approvals"
    event_prefix = "policy_"
    noun = "policies"
    permissions: ClassVar[Mapping[str, str]] = dict.fromkeys(("read", "create", "update", "delete"), MANAGE)
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List the policies of approvals, in their order of evaluation."},
        "create": {"summary": "Create a policy: what requires approval, and who decides."},
        "replace": {"summary": "Replace a policy. Omitted fields return to their defaults; open approvals are unchanged."},
    }
    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/policies", "one": "/hitl-approvals/policies/{policy_id}"}
    body = schemas.PolicyIn()
    reply = schemas.PolicyOut()
    unique = ("name",)
    query = ListQuery(
        schemas.PolicyOut(),
        filters=("name", "position", "status", "required", "tool", "created_at", "updated_at"),
        sorts=("position", "name", "created_at", "updated_at"),
        search=("name",),
        default="position",
    )

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Named people must be visible to the caller."""
        caller = Delegator.of(self.app.rights, req.principal)
        for number, assignee in enumerate(values.get("assignees", ())):
            require_assignee(assignee, f"assignees[{number}].id", caller)
        return values


class Delegations(Collection):
    """Delegations: one's own, and those to oneself; managers of approvals see those of others."""

    record = Delegation
    events = "hitl_approvals"
    event_prefix = "delegation_"
    noun = "delegations"
    permissions: ClassVar[Mapping[str, str]] = dict.fromkeys(("create", "update", "delete"), DECIDE)
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List one's own delegations, and those to oneself; managers of approvals see all."},
        "delete": {"summary": "End a delegation.", "message": "Delegation ended."},
    }
    others = MANAGE
    paths: ClassVar[Mapping[str, str]] = {"": "/hitl-approvals/delegations", "one": "/hitl-approvals/delegations/{delegation_id}"}
    body = schemas.DelegationIn()
    reply = schemas.DelegationOut()
    query = ListQuery(
        schemas.DelegationOut(),
        filters=("from_user_id", "to_user_id", "expires_at", "created_at"),
        sorts=("created_at", "expires_at"),
    )

    def visible(self, req: Request, record: Delegation) -> bool:
        """Whether it concerns the caller, or they manage all."""
        return req.principal.user_id in (record.from_user_id, record.to_user_id) or req.rights.allows_at(MANAGE, None)

    def allows(self, req: Request, permission: str, target: Delegation) -> bool:
        """It can be changed by its owner, and by managers of approvals; `visible` has hidden the others."""
        is_reading = permission == self.permission_for("read")
        own = target.from_user_id == req.principal.user_id or is_reading
        return req.rights.has_anywhere(permission) and (own or req.rights.allows_at(MANAGE, None))

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        if req.rights.allows_at(MANAGE, None):
            return []

        me = req.principal.user_id
        return [any_of(equals(Delegation.from_user_id, me), equals(Delegation.to_user_id, me))]

    def check(self, req: Request, values: dict[str, Any], record: Delegation | None = None) -> dict[str, Any]:
        """Both are different members; newly named people are visible to the caller, and the rights are the caller's to delegate."""
        whole = {**(record.row() if record is not None else {"from_user_id": req.principal.user_id}), **values}
        if whole["from_user_id"] != req.principal.user_id:
            req.rights.require_at(MANAGE, None)
        caller = Delegator.of(self.app.rights, req.principal)
        for field in ("from_user_id", "to_user_id"):
            require_member(whole[field], field)
            if record is None or whole[field] != getattr(record, field):
                require_visible_member(caller, whole[field], field)
        if whole["from_user_id"] == whole["to_user_id"]:
            raise Invalid({"to_user_id": [Problem("invalid_choice", "Name another member; nobody stands in for themselves.")]})
        _require_future(values.get("expires_at"))
        return {"from_user_id": whole["from_user_id"], **values}

    @operation(DECIDE, body="body", reply="reply", status=201, reach="own", message="Delegation created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Delegate decisions to another member, until a time."""
        record = self.create(req, self.check(req, req.body))
        resp.location, resp.media = self.location(record), record


def _require_future(expires_at: "datetime | None") -> None:
    if expires_at is not None and expires_at <= now():
        raise Invalid({"expires_at": [Problem("out_of_range", "Write a time in the future.")]})
