"""Role assignments of a subject (a user, a team, an API key) over REST: assign roles, list them, revoke them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import peewee

from ..access import grants
from ..access.delegation import Delegator, RoleAssignment, require_fitting, require_place
from ..access.records import Grant, Node, Role, Team
from ..clock import now, to_text
from ..context import current_organization
from ..data.conditions import Condition
from ..data.records import Record, find_or_none
from ..data.statements import Bind
from ..data.views import View
from ..errors import Invalid, Problem, not_found
from ..events.declarations import Event
from ..events.log import emit
from ..http.operations import Resource, operation
from ..http.request import Request, Response
from ..ids import is_id
from ..lists.paging import read_page
from ..lists.query import ListQuery
from ..lists.render_plan import Derived
from ..schemas.fields import Choice, Id, Instant, ListOf, Object, Text
from ..schemas.rules import OneOf
from ..schemas.schema import DeletedOut, RecordOut, Schema
from .places import KINDS, PLACE, PlaceIn, PlaceOut

if TYPE_CHECKING:
    from ..app import App


class AssignIn(Schema):
    """A role to assign: by its id or its name, at one node, permanently or until a time."""

    role_id = Id("role", description="The role; or write its name into role.")
    role = Text(1, 120, example="viewer")
    place = Object(PlaceIn, required=True, description="Where it is held, and everywhere below.")
    expires_at = Instant(allow_none=True, load_default=None, description="Null is forever.")

    rules = (OneOf("role", "role_id"),)


class GrantOut(RecordOut):
    """A role that a subject holds at a node and everywhere below it."""

    id = Id("grant", required=True)
    subject_type = Choice("user", "team", "api_key", required=True, description="Who holds it: a team's is each member's.")
    subject_id = Id(required=True)
    role_id = Id("role", required=True)
    role = Text(required=True)
    place = Object(PlaceOut, required=True)
    scope = ListOf(
        Id(),
        required=True,
        description="The node and its ancestors, from the organization down; the role also covers everything below.",
    )
    source = Choice("direct", "team", "identity_provider", required=True, description="How the subject holds it.")
    team_id = Id("team", required=True, allow_none=True, description="Through which team.")
    team = Text(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    status = Choice("active", "expired", required=True)
    created_by = Id(required=True, allow_none=True)


class GrantAsked(GrantOut):
    """A grant with the columns that lists filter by."""

    place_type = Choice(*KINDS, allow_none=True, load_only=True)
    place_id = Id(load_only=True)


#: Grants as the list of the subject `subject` shows them.
_GRANTS = View(
    Grant,
    {
        "role": Role.name,
        "place_type": Node.kind,
        "place_id": Grant.node_id,
        "path": Node.path,
        "team_id": Team.id,
        "team": Team.name,
        "source": peewee.Case(None, ((Team.id.is_null(False), "team"),), Grant.source),
    },
    (
        (Role, Role.id == Grant.role_id),
        (Node, Node.id == Grant.node_id),
        (Team, (Team.id == Grant.subject_id) & (Team.id != Bind("subject"))),
    ),
)


@dataclass(frozen=True)
class Held:
    """The subject that a path names, and one of its grants if the path names one."""

    subject: Any
    grant: Grant | None = None

    @property
    def version(self) -> int | None:
        """The grant's version, for preconditions."""
        return None if self.grant is None else self.grant.version


def events_of(plugin: str, subject: str, called: str | None = None) -> tuple[Event, ...]:
    """Return the events that the plugin of an `Assignments` declares; `subject` is the kind of its subjects, `called` their name if it
    differs."""
    data = {
        "grant_id": Id("grant", required=True),
        "role_id": Id("role", required=True),
        "role": Text(required=True, description="The name of the role."),
        "place": Object(PlaceOut, required=True, description="Where it is held, and everywhere below."),
        "expires_at": Instant(required=True, allow_none=True, description="When it ends by itself; null is never."),
    }
    name = called or subject
    return (
        Event(f"{plugin}.role_assigned", f"A role was given to the {name}", subject, data),
        Event(f"{plugin}.role_unassigned", f"A role was taken from the {name}", subject, data),
    )


class Assignments(Resource):
    """The grants of one kind of subject.

    A plugin that has such subjects makes a subclass, and routes it::

        class TeamAssignments(Assignments):
            plugin = "teams"
            subject_type = "team"
            paths = Assignments.under("/teams/{team_id}")

            def find_subject(self, req, subject_id):
                return …  # the record, or not_found()

    It declares the permission ``<plugin>:assign`` besides ``<plugin>:read``, and the events of `events_of`. Readers of the subject see its
    grants; see `may_read`. Giving and taking need ``<plugin>:assign`` at the place of the grant, and everything that the role holds there
    (see `access.delegation`).
    """

    plugin: ClassVar[str]
    subject_type: ClassVar[str]
    body = AssignIn()
    reply = GrantOut()
    deleted = DeletedOut()
    query = ListQuery(
        GrantAsked(),
        filters=("role_id", "role", "place_type", "place_id", "source", "team_id", "expires_at", "created_at"),
        sorts=("created_at", "updated_at", "role"),
    )
    derived: ClassVar[Mapping[str, Derived]] = {
        "place": PLACE,
        "scope": Derived(("path",), lambda row: row["path"].strip("/").split("/") if row["path"] else []),
        "status": Derived(("expires_at",), lambda row: "active" if (row["expires_at"] or "9") > to_text(now()) else "expired"),
    }

    def __init__(self, app: "App") -> None:
        self.app = app

    @staticmethod
    def under(template: str) -> Mapping[str, str]:
        """The paths below the template of a subject."""
        return {
            "assign": f"{template}/assign",
            "assignments": f"{template}/assignments",
            "assignment": f"{template}/assignments/{{grant_id}}",
        }

    # What a subclass says

    def find_subject(self, req: Request, subject_id: str) -> Record:
        """Return the record of that id; raises the uniform 404."""
        raise NotImplementedError

    def place_of(self, subject: Any) -> str | None:
        """Return the id of the node that the subject belongs to; None is the organization itself."""
        return None

    def may_own(self, subject: Any) -> bool:
        """Return whether the subject can be an owner: only somebody who can log in."""
        return False

    def may_read(self, req: Request, subject: Any) -> bool:
        """Return whether the subject is visible to the caller."""
        return req.rights.allows_at(f"{self.plugin}:read", self.place_of(subject))

    # What the guard asks

    def find(self, req: Request, **ids: str) -> Held:
        """Return the subject, and the grant if the path names one."""
        subject_id, *rest = ids.values()
        subject = self.find_subject(req, subject_id)
        if not rest:
            return Held(subject)
        grant = find_or_none(Grant, rest[0]) if is_id(rest[0], "grant") else None
        if grant is None or grant.subject_id != subject.id:
            raise not_found()
        return Held(subject, grant)

    def node_of(self, target: Held) -> str | None:
        """Return the subject's node."""
        return self.place_of(target.subject)

    def allows(self, req: Request, permission: str, target: Held) -> bool:
        """Reading depends on the subject; assigning and revoking depend on the node too, and only callers who can see the subject may."""
        if permission == f"{self.plugin}:read":
            return self.may_read(req, target.subject)
        if not (self.may_read(req, target.subject) or req.rights.allows_at(permission, self.place_of(target.subject))):
            return False
        return (
            req.rights.has_anywhere(permission)
            if target.grant is None
            else req.rights.allows_at(permission, target.grant.node_id)
        )

    # The verbs

    @operation("assign", body="body", reply="reply", status=201, message="Role assigned.")
    def on_post_assign(self, req: Request, resp: Response, **ids: str) -> None:
        """Assign a role at a node of the organization's tree; an existing assignment there gets the new expiry."""
        subject = req.target.subject
        assignment = self.assignment(req, req.body, may_own=self.may_own(subject))
        given = assignment.grant_to(self.subject_type, subject.id)
        self.find_subject(req, subject.id)  # assigning waited for a concurrent deletion
        self.emit_change("assigned", subject, given.id)
        resp.location = f"{req.path.removesuffix('/assign')}/assignments"
        resp.media = self._row(subject, given.id)

    @operation("read", query="query", reply="reply", many=True, message="Assignments listed.")
    def on_get_assignments(self, req: Request, resp: Response, **ids: str) -> None:
        """List the assigned roles with their node, their expiry and the team that they come from."""
        question = self.query.question(req.path, req.query)
        subject = {"subject": req.target.subject.id}
        mine = Condition(self._of_subject, **subject)
        resp.media = read_page(_GRANTS, self.plan.columns, question, [mine], self.app.keyring, view_values=subject)

    @operation("assign", reply="deleted", message="Role taken back.")
    def on_delete_assignment(self, req: Request, resp: Response, **ids: str) -> None:
        """Revoke a role; the last owner cannot lose theirs, and a team's role is revoked from the team."""
        subject, grant = req.target.subject, req.target.grant
        Delegator.of(self.app.rights, req.principal).require_taking(grant)
        self.emit_change("unassigned", subject, grant.id)
        grants.revoke(grant.id)
        resp.media = {"id": grant.id, "deleted": True}

    # Shared, also with code that assigns a role while creating the subject

    def assignment(self, req: Request, values: Mapping[str, Any], *, may_own: bool) -> RoleAssignment:
        """Return the role to assign from the values of `AssignIn`; raises where it does not exist, or the caller may not assign it."""
        place, until = values["place"], values["expires_at"]
        node_id = place.get("id") or current_organization()
        req.rights.require_at(f"{self.plugin}:assign", node_id)
        require_place(node_id, place["type"])
        role = _role(values)
        require_fitting(role, node_id, may_own=may_own)
        if until is not None and until <= now():
            raise Invalid({"expires_at": [Problem("out_of_range", "This time has passed; write one to come, or null forever.")]})
        granter = Delegator.of(self.app.rights, req.principal)
        granter.require_role(role, node_id, until)
        return RoleAssignment(granter, role, node_id, until)

    def emit_change(self, what: str, subject: Any, grant_id: str) -> None:
        """Emit that the role was ``assigned`` or ``unassigned``."""
        row = self._row(subject, grant_id)
        told = {name: row[name] for name in ("role_id", "role", "expires_at")}
        emit(f"{self.plugin}.role_{what}", subject, data={"grant_id": grant_id, **told, "place": PLACE.make(row)})

    def _of_subject(self, subject: Any) -> Any:
        if self.subject_type != "user":
            return Grant.subject_id == subject
        return Grant.subject_id.in_(grants.subjects_of(subject))

    def _row(self, subject: Any, grant_id: str) -> Mapping[str, Any]:
        row = _GRANTS.row(grant_id, self.plan.columns, subject=subject.id)
        assert row is not None  # noqa: S101 - it was written just now
        return row


def _role(values: Mapping[str, Any]) -> Role:
    """Return the role with that id or name."""
    field, column = ("role_id", Role.id) if "role_id" in values else ("role", Role.name)
    role: Role | None = Role.get_or_none(column == values[field])
    if role is None:
        raise Invalid({field: [Problem("invalid_reference", "There is no such role in the organization; see GET /roles.")]})
    return role
