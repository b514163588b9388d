"""Places in the organization's tree, as bodies name them and answers show them."""

from ..access import tree
from ..lists.render_plan import ObjectOf
from ..schemas.fields import Choice, Id
from ..schemas.rules import Needs
from ..schemas.schema import Schema

KINDS = ("organization", *tree.PARENTS)


class PlaceIn(Schema):
    """A place in the organization's tree."""

    type = Choice(*KINDS, required=True, description="What stands there.", example="organization")
    id = Id(description="Which one; the organization may be left out.")

    rules = (Needs("id", of="type", when=tuple(tree.PARENTS)),)


class PlaceOut(Schema):
    """A place in the organization's tree, as a client gets it."""

    type = Choice(*KINDS, required=True, allow_none=True, description="Null where the place is gone: a key's role limits on.")
    id = Id(required=True)


#: The columns `place_type` and `place_id` of a view as answers have them.
PLACE = ObjectOf({"type": "place_type", "id": "place_id"})
