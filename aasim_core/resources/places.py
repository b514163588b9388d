"""Nodes of the organization's tree in request bodies and responses."""

from ..access import tree
from ..lists.render_plan import ObjectOf
from ..schemas.fields import Choice, Id
from ..schemas.rules import Needs
from ..schemas.schema import Schema

KINDS = ("organization", *tree.PARENTS)


class PlaceIn(Schema):
    """A node in the organization's tree."""

    type = Choice(*KINDS, required=True, description="What stands there.", example="organization")
    id = Id(description="Which one; the organization may be left out.")

    rules = (Needs("id", of="type", when=tuple(tree.PARENTS)),)


class PlaceOut(Schema):
    """A node in the organization's tree, in a response."""

    type = Choice(
        *KINDS, required=True, allow_none=True, description="Null if it was deleted; a key's role still limits the key."
    )
    id = Id(required=True)


#: The columns `place_type` and `place_id` of a view as responses have them.
PLACE = ObjectOf({"type": "place_type", "id": "place_id"})
