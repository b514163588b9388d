"""The endpoints of roles."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.access.delegation import Delegator
from aasim_core.access.records import Role
from aasim_core.data.conditions import Condition
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, Plan
from aasim_core.resources.collection import DELETED
from aasim_core.resources.places import PLACE

from . import schemas, service, views

if TYPE_CHECKING:
    from aasim_core import App

_READ = "roles:read"


class Roles(Collection):
    """Roles: named sets of permissions."""

    record = Role
    events = "roles"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/roles",
        "one": "/roles/{role_id}",
        "clone": "/roles/{role_id}/clone",
        "holders": "/roles/{role_id}/holders",
    }
    body = schemas.RoleIn()
    reply = schemas.RoleOut()
    derived: ClassVar[Mapping[str, Derived]] = {"holders_count": views.HoldersCount(), "place": PLACE}
    clone_body = schemas.CloneIn()
    delete_query = schemas.DeleteIn()
    holders_reply = schemas.HolderOut()
    unique = ("name",)
    query = ListQuery(
        schemas.RoleOut(),
        filters=("name", "built_in", "permissions", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )
    holders_query = ListQuery(
        schemas.HolderAsked(),
        filters=("subject_type", "subject_id", "place_type", "place_id", "expires_at", "created_at"),
        sorts=("created_at",),
    )

    def __init__(self, app: "App") -> None:
        super().__init__(app)
        self.view = views.roles(app)
        self._holder = Plan(self.holders_reply, self.derived)

    # A role's name is good in the whole organization: assigning one in a branch requires seeing them all.

    def allows(self, req: Request, permission: str, target: Role) -> bool:
        """Readers of roles at any node may read all roles."""
        return req.rights.has_anywhere(permission) if permission == _READ else super().allows(req, permission, target)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return []

    def present(self, record: Role) -> Mapping[str, Any]:
        """Return the role with its current permissions."""
        return views.role(self.app, record)

    def check(self, req: Request, values: dict[str, Any], record: Role | None = None) -> dict[str, Any]:
        """The permissions must be declared, or be those of a disabled plugin that the role already has."""
        if "permissions" in values:
            service.require_known(values["permissions"], {*self.app.permissions, *(record.permissions if record else ())})
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Role:
        """Write the role, within the caller's own rights."""
        return service.create(values, Delegator.of(self.app.rights, req.principal))

    def change(self, req: Request, record: Role, values: dict[str, Any]) -> Role:
        """Write changed values, effective on the next request of every holder."""
        return service.change(record, values, Delegator.of(self.app.rights, req.principal))

    @operation("delete", query="delete_query", reply=DELETED, message="Role deleted.", refusals=("in_use", "invalid_state"))
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete a role.

        A role with holders can be deleted only if another role replaces it for all of them.
        """
        service.remove(self.app, req.target, req.query.get("replacement_role_id"), Delegator.of(self.app.rights, req.principal))
        resp.media = {"id": req.target.id, "deleted": True}

    @operation("create", body="clone_body", reply="reply", status=201, message="Role cloned.")
    def on_post_clone(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a role of your own with the current permissions of another.

        Built-in roles can be cloned too.
        """
        granter = Delegator.of(self.app.rights, req.principal)
        role = service.clone(req.target, req.body, granter)
        resp.location = self.location(role)
        resp.media = self.present(role)

    @operation("read", query="holders_query", reply="holders_reply", many=True, message="Holders listed.")
    def on_get_holders(self, req: Request, resp: Response, **ids: str) -> None:
        """List the current holders of a role: users, teams and API keys, with node and expiry.

        It requires the permission to read roles in the whole organization.
        """
        req.rights.require_at(_READ, None)
        question = self.holders_query.question(req.path, req.query)
        resp.media = read_page(views.HOLDERS, self._holder.columns, question, [views.held(req.target.id)], self.app.keyring)
