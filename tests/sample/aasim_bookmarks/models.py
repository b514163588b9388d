"""The record of a bookmark."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField


class Bookmark(TenantRecord):
    """An agent, and why it is worth finding again."""

    agent_id = IdField()
    name = peewee.TextField()
    why = peewee.TextField(default="")

    class Meta:
        table_name = "bookmarks_bookmark"
        id_prefix = "bookmarks_bookmark"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "agent_id"), False),
            (("organization_id", "name"), True),
        )
