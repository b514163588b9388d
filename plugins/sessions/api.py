"""The endpoints of sessions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Request, Resource, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.identity.records import Session
from aasim_core.lists.paging import Page, read_page
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Plan

from . import schemas, service

if TYPE_CHECKING:
    from aasim_core import App

_REPLY = schemas.SessionOut()
_QUERY = ListQuery(
    _REPLY,
    filters=("user_id", "status", "device", "ip", "created_at", "last_seen_at", "expires_at"),
    sorts=("created_at", "last_seen_at"),
)


class Sessions(Resource):
    """Sessions: where members are logged in."""

    paths: ClassVar[Mapping[str, str]] = {
        "": "/sessions", "active": "/sessions/active", "terminate": "/sessions/{session_id}/terminate",
    }  # fmt: skip
    others = service.MANAGE

    def __init__(self, app: "App") -> None:
        self.app = app
        self._columns = Plan(_REPLY).columns

    def find(self, req: Request, **ids: str) -> Session:
        """Return the session, if it is visible to the caller."""
        return service.find_visible(ids["session_id"], req.principal, managing=self._manages(req))

    def allows(self, req: Request, permission: str, target: Session) -> bool:
        """One's own always, through a key by its scope; `find` has hidden the others from callers who do not manage them."""
        return target.user_id == req.principal.user_id or bool(req.rights.allows_at(permission, None))

    @operation("read", query=_QUERY, reply=_REPLY, many=True, own_always=True, reach="rows", message="Sessions listed.")
    def on_get(self, req: Request, resp: Response) -> None:
        """List sessions.

        These are the caller's or, with user_id, a member's.
        """
        resp.media = self._page(req)

    @operation("read", query=_QUERY, reply=_REPLY, many=True, own_always=True, reach="rows", message="Active sessions listed.")
    def on_get_active(self, req: Request, resp: Response) -> None:
        """List active sessions.

        These are the caller's or, with user_id, a member's.
        """
        resp.media = self._page(req, service.live())

    @operation(
        "terminate",
        reply=schemas.TerminatedOut(),
        session_only=True,
        own_always=True,
        message="Session ended.",
        refusals=("session_required",),
    )
    def on_post_terminate(self, req: Request, resp: Response, session_id: str) -> None:
        """End a session, effective on its next request.

        Ending an ended session changes nothing.
        """
        already = not service.terminate(self.app, req.target)
        resp.media = {**service.shown(self.app, session_id, req.principal), "already_terminated": already}

    def _manages(self, req: Request) -> bool:
        return bool(req.rights.allows_at(service.MANAGE, None))

    def _page(self, req: Request, *conditions: Condition) -> Page:
        managing = self._manages(req) and req.rights.has_anywhere(service.READ)
        if not managing:
            service.refuse_others(req.principal, req.query)
        asked = any(name.partition("[")[0] == "user_id" for name in req.query)
        reach = service.reach(req.principal, managing=managing and asked)
        question = _QUERY.question(req.path, req.query)
        view: Any = service.VIEW
        values = service.view_values(self.app, req.principal)
        return read_page(view, self._columns, question, [reach, *conditions], self.app.keyring, view_values=values)
