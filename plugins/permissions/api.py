"""The endpoints of permissions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Permission, Request, Resource, Response, operation
from aasim_core.access import tree
from aasim_core.access.delegation import require_place
from aasim_core.context import current_organization
from aasim_core.data.records import find_or_none
from aasim_core.errors import Invalid, Problem, not_found
from aasim_core.identity.records import ApiKey
from aasim_core.lists.paging import read_page
from aasim_core.lists.query import ListQuery
from aasim_core.tenancy.records import Membership
from aasim_core.text.suggestions import did_you_mean

from . import declared, explaining, schemas

if TYPE_CHECKING:
    from aasim_core import App

EXPLAIN = "permissions:explain"


class Permissions(Resource):
    """The permissions of roles, the same for every organization."""

    common = True
    paths: ClassVar[Mapping[str, str]] = {
        "": "/permissions",
        "list": "/permissions/list",
        "one": "/permissions/{permission_id}",
        "explain": "/permissions/explain",
    }
    reply = schemas.PermissionOut()
    groups_reply = schemas.GroupsOut()
    explain_body = schemas.ExplainIn()
    explain_reply = schemas.ExplanationOut()
    query = ListQuery(
        schemas.PermissionOut(),
        filters=("id", "plugin", "dangerous", "operations", "roles"),
        sorts=("id", "plugin"),
        default="id",
        search=("id", "summary"),
    )

    def __init__(self, app: "App") -> None:
        self.app = app
        self._listing = declared.listing(app)

    def find(self, req: Request, **ids: str) -> Permission:
        """Return a declared permission; raises the uniform 404."""
        permission = self.app.permissions.get(ids["permission_id"])
        if permission is None:
            raise not_found()
        return permission

    @operation("read", query="query", reply="reply", many=True, message="Permissions listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List permissions, with the operations that require each."""
        question = self.query.question(req.path, req.query)
        resp.media = read_page(self._listing, self.plan.columns, question, [], self.app.keyring, self.query.search)

    @operation("read", reply="groups_reply", message="Permissions listed.")
    def on_get_list(self, req: Request, resp: Response) -> None:
        """List the ids of all permissions by plugin, for selection."""
        items = declared.groups(self.app)
        page = {"limit": len(items), "next_cursor": None, "prev_cursor": None, "has_more": False}
        resp.media = {"items": items, "pagination": page}

    @operation("read", reply="reply", message="Permission read.")
    def on_get_one(self, req: Request, resp: Response, permission_id: str) -> None:
        """Read a permission."""
        resp.media = declared.described(self.app, req.target)

    @operation("read", body="explain_body", reply="explain_reply", message="Explained.")
    def on_post_explain(self, req: Request, resp: Response) -> None:
        """Explain whether a user has a permission at a node.

        The response names the deciding grants, or what overrides them.
        """
        asked = self._asked(req, req.body)
        node_id = asked.node_id or current_organization()
        resp.media = {
            **explaining.explain(self.app, req.principal, asked),
            "user_id": asked.user_id,
            "permission": asked.permission,
            "place": {"type": tree.kind_of(node_id), "id": node_id},
            "api_key_id": None if asked.api_key is None else asked.api_key.id,
        }

    def _asked(self, req: Request, values: Mapping[str, Any]) -> explaining.Asked:
        user_id = values.get("user_id", req.principal.user_id)
        if user_id != req.principal.user_id:
            req.rights.require_at(EXPLAIN, None)
        self._require_permission(values["permission"])
        if Membership.get_or_none(Membership.user_id == user_id) is None:
            message = "There is no such member of the organization."
            raise Invalid({"user_id": [Problem("invalid_reference", message)]})
        place = values.get("place", {})
        node_id = place.get("id")
        if node_id is not None:
            self._require_place(req, node_id, place["type"])
        key = self._key(user_id, values["api_key_id"]) if "api_key_id" in values else None
        return explaining.Asked(user_id, values["permission"], node_id, key)

    def _require_permission(self, permission: str) -> None:
        """Invalid for an undeclared permission, unless a disabled plugin may declare it."""
        off = {plugin.name for plugin in self.app.plugins.found if plugin.state != "on"}
        if permission not in self.app.permissions and declared.plugin_of(permission) not in off:
            message = f"There is no permission {permission}.{did_you_mean(permission, self.app.permissions)}"
            raise Invalid({"permission": [Problem("invalid_choice", message)]})

    def _require_place(self, req: Request, node_id: str, kind: str) -> None:
        """Invalid for a node that is not visible to the caller."""
        sees = req.rights.allows_at(EXPLAIN, None) or req.rights.knows(node_id)
        require_place(node_id if sees else "", kind)

    def _key(self, user_id: str, api_key_id: str) -> ApiKey:
        key: ApiKey | None = find_or_none(ApiKey, api_key_id)
        if key is None or key.user_id != user_id:
            raise Invalid({"api_key_id": [Problem("invalid_reference", "The user has no such API key.")]})
        return key
