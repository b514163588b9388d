"""The schemas of a bookmark."""

from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema


class BookmarkIn(Schema):
    """A bookmark as a client writes it."""

    agent_id = Id("agent", required=True)
    name = Text(1, 120, required=True)
    why = Text(max_length=1_000, multiline=True, load_default="")


class ExcerptQuery(Schema):
    """How much is wanted."""

    letters = Integer(1, 100, required=True)


class ExcerptOut(Schema):
    """The beginning of a text."""

    text = Text(max_length=100, multiline=True, required=True)


class BookmarkOut(Schema):
    """A bookmark as a client gets it."""

    id = Id("bookmarks_bookmark", required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    agent_id = Id("agent", required=True)
    name = Text(required=True)
    why = Text(max_length=1_000, multiline=True, required=True)
