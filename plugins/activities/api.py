"""The endpoints of activities, which are read-only."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Request, Resource, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.events.chain.verification import verify
from aasim_core.events.records import EventRow
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, ObjectOf
from aasim_core.resources import exports
from aasim_core.resources.exports import MEDIA_TYPES, ExportQuery, Source

from . import schemas, service

if TYPE_CHECKING:
    from aasim_core import App

READ, EXPORT = "activities:read", "activities:export"


def _part(of: str, names: tuple[str, ...]) -> Derived:
    """Return an object composed of the columns with a common prefix."""
    return ObjectOf({name: f"{of}_{name}" for name in names})


class Activities(Collection):
    """Events in the organization, including refused attempts.

    Callers with the permission in the whole organization see everything; others see their own actions, because an event belongs to no node
    of the organization's tree.
    """

    record = EventRow  # type: ignore[assignment] # a row that never changes
    view = service.VIEW
    events = "activities"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/activities",
        "one": "/activities/{activity_id}",
        "user": "/activities/user/{user_id}",
        "export": "/activities/export",
    }
    reply, export_reply = schemas.ActivityOut(), schemas.ExportOut()
    derived: ClassVar[Mapping[str, Derived]] = {
        "actor": _part("actor", ("type", "id", "label", "ip")),
        "subject": _part("subject", ("type", "id", "label")),
    }
    query = ListQuery(
        schemas.ActivityAsked(),
        filters=schemas.FILTERS,
        sorts=("occurred_at",),
        default="-occurred_at",
        timed=schemas.TIMED,
        unless=schemas.UNLESS,
    )
    user_query = ListQuery(schemas.ActivityAsked(), filters=schemas.FILTERS, sorts=("occurred_at",), default="-occurred_at")
    export_query = ExportQuery(schemas.ActivityAsked(), filters=schemas.FILTERS)

    def find(self, req: Request, **ids: str) -> Any:
        """Return the activity, or the id of the user whose activities the path names."""
        return service.find_actor(ids["user_id"]) if "user_id" in ids else super().find(req, **ids)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Callers may see their own actions."""
        return req.rights.reaches_everything(permission) or _actor_of(target) == req.principal.id

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return _reach(req, READ)

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="Activities listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List activities, newest first."""
        resp.media = self.page(req, *service.without_success(req.query))

    @operation("read", query="user_query", reply="reply", many=True, message="Activities listed.")
    def on_get_user(self, req: Request, resp: Response, user_id: str) -> None:
        """List a user's activities, newest first."""
        resp.media = self.page(req, service.done_by(user_id), *service.without_success(req.query))

    @operation(
        "export",
        query="export_query",
        reply="export_reply",
        formats=tuple(MEDIA_TYPES.values()),
        verb="export",
        reach="rows",
        message="Exported.",
    )
    def on_get_export(self, req: Request, resp: Response) -> None:
        """Export activities, oldest first.

        The format is JSON, or CSV or JSON lines of any length.
        """
        form = req.query["format"]
        conditions = [*_reach(req, EXPORT), *service.without_success(req.query), service.until_now()]
        filters = self.export_query.filters_in(req.query)
        source = Source("activities", self.view, "occurred_at", self.plan, service.COLUMNS, filters, conditions)
        if form == "json":
            resp.media = exports.whole(self.app, source)
        else:
            exports.send(self.app, req, resp, source, form, EXPORT)
        if req.method != "HEAD":
            service.note_export(self.app, req.principal.organization_id, form, _without_format(req.query_string))


class Chain(Resource):
    """Verification of the log."""

    paths: ClassVar[Mapping[str, str]] = {"": "/activities/verify"}
    query, reply = schemas.VerifyAsked(), schemas.VerifyOut()

    def __init__(self, app: "App") -> None:
        self._app = app

    @operation("read", query="query", reply="reply", verb="verify", message="Log verified.")
    def on_get(self, req: Request, resp: Response) -> None:
        """Verify the log in batches of some thousand activities.

        The response lists activities that were changed, removed or inserted since they were sealed.
        """
        findings = verify(self._app.keyring, req.principal.organization_id, after=req.query["after"], limit=req.query["limit"])
        head = {"sequence": findings.head.sequence, "hash": findings.head.hash}
        faults = [asdict(fault) for fault in findings.faults]
        told = {name: getattr(findings, name) for name in ("checked", "erased", "begins_after", "next_after")}
        resp.media = {**told, "valid": not faults, "head": head, "faults": faults}


def _reach(req: Request, permission: str) -> list[Condition]:
    return [] if req.rights.reaches_everything(permission) else [service.done_by(req.principal.id)]


def _actor_of(target: Any) -> str | None:
    """Return the actor's user id; a user's own id stands for itself."""
    return target if isinstance(target, str) else target.actor_id


def _without_format(query_string: str) -> str:
    return "&".join(part for part in query_string.split("&") if not part.startswith("format="))
