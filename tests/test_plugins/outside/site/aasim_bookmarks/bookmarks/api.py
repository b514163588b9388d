"""The endpoints of bookmarks."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Invalid, Problem, Refused, Request, Response, operation
from aasim_core.data.statements import Bind, Condition
from aasim_core.http.collection import DELETED
from aasim_core.http.query import ListQuery
from aasim_plugins.agents import service as agents

from . import schemas
from .models import Bookmark


class Bookmarks(Collection):
    """Bookmarks."""

    record = Bookmark
    events = "bookmarks"
    paths: ClassVar[Mapping[str, str]] = {"": "/bookmarks", "one": "/bookmarks/{bookmark_id}"}
    body = schemas.BookmarkIn()
    reply = schemas.BookmarkOut()
    unique = ("name",)
    query = ListQuery(schemas.BookmarkOut(), filters=("agent_id", "name"), sorts=("created_at", "name"), search=("name", "why"))

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Only an agent that the caller may know of can be marked."""
        if "agent_id" in values:
            try:
                agents.find_visible(values["agent_id"], req.principal.user_id)
            except Refused:
                raise Invalid({"agent_id": [Problem("invalid_reference", "There is no such agent.")]}) from None
        return values

    @operation("write", body="body", reply="reply", status=201, message="Bookmark created.")
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Create a bookmark."""
        super().on_post(req, resp, **ids)

    @operation("write", body="body", reply="reply", message="Bookmark replaced.")
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace a bookmark."""
        super().on_put_one(req, resp, **ids)

    @operation("write", body="body", reply="reply", message="Bookmark changed.")
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some fields of a bookmark."""
        super().on_patch_one(req, resp, **ids)

    @operation("write", reply=DELETED, message="Bookmark deleted.")
    def on_delete_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Delete a bookmark."""
        super().on_delete_one(req, resp, **ids)

    def _verb(self, verb: str) -> str:
        return f"bookmarks:{'read' if verb == 'read' else 'write'}"


class AgentBookmarks(Bookmarks):
    """The bookmarks of one agent."""

    paths: ClassVar[Mapping[str, str]] = {"of_agent": "/agents/{agent_id}/bookmarks"}

    def find(self, req: Request, **ids: str) -> Any:
        """The agent, if the caller may know of it."""
        return agents.find_visible(ids["agent_id"], req.principal.user_id)

    @operation("read", query="query", reply="reply", many=True, message="Bookmarks listed.")
    def on_get_of_agent(self, req: Request, resp: Response, agent_id: str) -> None:
        """List the bookmarks of an agent."""
        resp.media = self.page(req, Condition(lambda: Bookmark.agent_id == Bind("agent"), {"agent": req.target.id}, "of agent"))
