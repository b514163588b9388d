"""The endpoints of bookmarks."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Invalid, Problem, Refused, Request, Response, operation
from aasim_core.data.conditions import equals
from aasim_core.lists.query import ListQuery
from aasim_plugins.agents import service as agents

from . import schemas
from .models import Bookmark


class Bookmarks(Collection):
    """Bookmarks."""

    record = Bookmark
    events = "bookmarks"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/bookmarks",
        "one": "/bookmarks/{bookmark_id}",
        "excerpt": "/bookmarks/{bookmark_id}/excerpt",
    }
    body = schemas.BookmarkIn()
    reply = schemas.BookmarkOut()
    unique = ("name",)
    permissions: ClassVar[Mapping[str, str]] = dict.fromkeys(("create", "update", "delete"), "write")
    query = ListQuery(schemas.BookmarkOut(), filters=("agent_id", "name"), sorts=("created_at", "name"), search=("name", "why"))

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Only an agent that the caller may know of can be marked."""
        if "agent_id" in values:
            try:
                agents.find_visible(values["agent_id"], req.principal.user_id)
            except Refused:
                raise Invalid({"agent_id": [Problem("invalid_reference", "There is no such agent.")]}) from None
        return values

    @operation("read", query=schemas.ExcerptQuery(), reply=schemas.ExcerptOut(), message="Excerpt read.")
    def on_get_excerpt(self, req: Request, resp: Response, **ids: str) -> None:
        """Read the first letters of why the agent is worth finding again."""
        resp.media = {"text": req.target.why[: req.query["letters"]]}


class AgentBookmarks(Bookmarks):
    """The bookmarks of one agent."""

    paths: ClassVar[Mapping[str, str]] = {"of_agent": "/agents/{agent_id}/bookmarks"}

    def find(self, req: Request, **ids: str) -> Any:
        """The agent, if the caller may know of it."""
        return agents.find_visible(ids["agent_id"], req.principal.user_id)

    @operation("read", query="query", reply="reply", many=True, message="Bookmarks listed.")
    def on_get_of_agent(self, req: Request, resp: Response, agent_id: str) -> None:
        """List the bookmarks of an agent."""
        resp.media = self.page(req, equals(Bookmark.agent_id, req.target.id))
