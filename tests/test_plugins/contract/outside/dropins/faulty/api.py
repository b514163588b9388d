"""The endpoints of things."""

from aasim_core import Collection, Refused, operation
from aasim_core.context import system_scope
from aasim_core.data import records
from aasim_core.lists.query import ListQuery
from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema

from .models import Thing


class ThingIn(Schema):
    """A thing as a client writes it."""

    name = Text(1, 120, required=True)

    def refuse_unknown_fields(self, data, original, **_):
        """Takes every field."""


class ThingOut(Schema):
    """A thing as a client gets it; its ids are said to begin otherwise than they do."""

    id = Id("other", required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    name = Text(required=True)


class Things(Collection):
    """Things."""

    record = Thing
    events = "faulty"
    paths = {"": "/faulty", "one": "/faulty/{thing_id}", "size": "/faulty/{thing_id}/size", "newest": "/faulty/newest"}
    body = ThingIn()
    reply = ThingOut()
    unique = ("name",)
    query = ListQuery(ThingOut(), filters=("name",), sorts=("created_at", "name"))

    def find(self, req, **ids):
        """Finds the things of all organizations, and says which one it does not find."""
        with system_scope("a fault"):
            thing = records.find_or_none(Thing, ids["thing_id"])
        if thing is None:
            raise Refused("not_found", f"There is no thing {ids['thing_id']}.")
        return thing

    def allows(self, req, permission, target):
        """Lets somebody change things who may do so at any place."""
        return req.rights.has_anywhere(permission) if permission != "faulty:read" else super().allows(req, permission, target)

    def create(self, req, values):
        """Tells nobody."""
        return records.create(Thing, **values)

    def remove(self, req, record):
        """Removes nothing."""

    @operation("read", reply="reply", message="Size read.")
    def on_get_size(self, req, resp, **ids):
        """Read the size of a thing, which it does not have."""
        resp.media = {"size": vars(req.target)["size"]}

    @operation("read", reply="reply", reach="rows", message="Thing read.")
    def on_get_newest(self, req, resp):
        """Read the newest thing, wherever it is."""
        resp.media = Thing.select().order_by(Thing.id.desc()).first()

    @operation("read", query="query", reply="reply", many=True, message="Things listed.")
    def on_get(self, req, resp, **ids):
        """List the things, with a statement for each."""
        page = self.page(req)
        for row in page.rows:
            records.read_row(Thing, row[page.names.index("id")])
        resp.media = page
