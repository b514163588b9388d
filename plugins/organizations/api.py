"""The endpoints of organizations."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from aasim_core import App, Collection, Request, Response, operation
from aasim_core.clock import to_text
from aasim_core.data.conditions import Condition
from aasim_core.data.records import find_or_none
from aasim_core.errors import not_found
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived
from aasim_core.resources import takeout
from aasim_core.resources.collection import DELETED
from aasim_core.resources.haltable import Halting
from aasim_core.schemas.schema import merge_patch
from aasim_core.tenancy.records import CLOSING, Organization

from . import schemas, service
from .settings import OrganizationsSettings

_PEOPLE_ONLY = ("session_required",)


class Organizations(Halting, Collection):
    """The caller's organizations. The path names the organization of the request, whichever the token is for."""

    record = Organization  # type: ignore[assignment] # it is the tenant, and so belongs to none
    events = "organizations"
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {
            "summary": "List the caller's organizations; with status=closing, deleted ones that can still be restored.",
            "while_closing": True,
        },
        "create": {
            "summary": "Create a further organization; the caller is its owner.",
            "message": "Organization founded.",
            "session_only": True,
            "while_closing": True,
            "refusals": _PEOPLE_ONLY,
        },
    }
    unique = ("slug",)
    paths: ClassVar[Mapping[str, str]] = {
        "": "/organizations",
        "one": "/organizations/{organization_id}",
        "halt": "/organizations/{organization_id}/halt",
        "resume": "/organizations/{organization_id}/resume",
        "restore": "/organizations/{organization_id}/restore",
        "export": "/organizations/{organization_id}/export",
    }
    export_query = takeout.AfterIn()

    def __init__(self, app: App) -> None:
        settings = app.organization_settings
        self.body = schemas.with_settings(schemas.OrganizationIn, settings.fields, written=True)  # type: ignore[misc]
        self.reply = schemas.with_settings(schemas.OrganizationOut, settings.fields, written=False)  # type: ignore[misc]
        self.query = ListQuery(  # type: ignore[misc]
            self.reply,
            filters=("name", "slug", "status", "created_at", "updated_at", "delete_at"),
            sorts=("created_at", "updated_at", "name"),
            search=("name", "slug"),
        )
        self.derived = {  # type: ignore[misc]
            "settings": Derived(("settings",), lambda row: settings.completed(orjson.loads(row["settings"])))
        }
        super().__init__(app)

    # The organization in the path is in scope; others than members get no further.

    def find(self, req: Request, **ids: str) -> Organization:
        """The organization in scope."""
        organization = find_or_none(Organization, req.principal.organization_id)
        if organization is None or organization.id != ids["organization_id"]:
            raise not_found()
        return organization  # type: ignore[no-any-return]

    def allows(self, req: Request, permission: str, target: Organization) -> bool:
        """Readers of organizations at any node may read it; everything else needs the permission in the whole organization."""
        if permission == "organizations:read":
            return req.rights.has_anywhere(permission)
        return req.rights.allows_at(permission, None)

    def reach(self, req: Request) -> list[Condition]:
        """The caller's organizations; those being deleted are included when filtering by status."""
        ids = service.ids_of(self.app, req.principal, "organizations:read")
        mine = Condition(_is_one_of, **{f"id{n}": each for n, each in enumerate(ids)})
        return [mine] if _asks_for_status(req) else [mine, Condition(_is_open)]

    def create(self, req: Request, values: dict[str, Any]) -> Organization:
        """Create it, with the caller as its owner."""
        return service.found(values, req.principal.user_id)

    def merged(self, record: Organization, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values as sent, so that `change` writes only the given settings and the others keep following their defaults."""
        return values

    def change(self, req: Request, record: Organization, values: dict[str, Any]) -> Organization:
        """Write changed values; settings of disabled plugins, and those that a PATCH omits, stay as they are."""
        settings = {"settings": merge_patch(record.settings, values["settings"])} if "settings" in values else {}
        return service.change(record, {**values, **settings})

    def remove(self, req: Request, record: Organization) -> None:
        """The first of two steps."""
        days = self.app.settings.section("organizations", OrganizationsSettings).grace_days
        service.close(self.app, record, days)

    @operation(
        "delete", reply=DELETED, session_only=True, owners_only=True, message="Organization deleted.", refusals=_PEOPLE_ONLY
    )
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete an organization for all its members.

        Until its grace period ends, an owner can restore or export it.
        """
        super().on_delete_one(req, resp, **ids)
        export = self.paths["export"].format(**ids)
        resp.message = (
            f"Organization deleted. Until {to_text(req.target.delete_at)} an owner can restore it, and take everything along:"
            f" GET /api/v1{export}."
        )

    @operation(
        "delete", reply="reply", session_only=True, owners_only=True, while_closing=True, message="Organization restored.",
        refusals=(*_PEOPLE_ONLY, "invalid_state"),
    )  # fmt: skip
    def on_post_restore(self, req: Request, resp: Response, organization_id: str) -> None:
        """Restore a deleted organization, with everything in it."""
        resp.media = service.restore(self.app, req.target)

    @operation(
        "delete", query="export_query", verb="export", plain=True, formats=(takeout.MEDIA_TYPE,), session_only=True, owners_only=True,
        while_closing=True, message="Exported.", refusals=_PEOPLE_ONLY,
    )  # fmt: skip
    def on_get_export(self, req: Request, resp: Response, organization_id: str) -> None:
        """Export everything that an organization has, as JSON lines, for its owners.

        A deleted organization can be exported until it is erased. Some lines have ``after``; pass it to continue an interrupted export
        behind such a line.
        """
        takeout.send(self.app, req, resp, "organizations:delete")
        if req.method != "HEAD":
            service.note_export(self.app, req.target)

    def switching(self, target: Organization) -> None:
        """This process is updated at once; the others refresh every second."""
        self.app.organization_states.forget(target.id)


def _is_one_of(**ids: Any) -> Any:
    return Organization.id.in_(list(ids.values()))


def _is_open() -> Any:
    return Organization.status != CLOSING


def _asks_for_status(req: Request) -> bool:
    return any(name.partition("[")[0] == "status" for name in req.query)
