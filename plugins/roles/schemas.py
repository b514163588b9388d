"""Requests and responses of roles."""

from aasim_core.resources.places import KINDS, PlaceOut
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text
from aasim_core.schemas.schema import RecordOut, Schema

MOST_PERMISSIONS = 1_000


class RoleIn(Schema):
    """A role in a request."""

    name = Text(1, 120, required=True, description="Unique in the organization.", example="Release manager")
    description = Text(max_length=2_000, multiline=True, load_default="")
    permissions = ListOf(
        Text(1, 120), MOST_PERMISSIONS, unique=True, load_default=list, description="Its permissions; see GET /permissions/list."
    )


class CloneIn(Schema):
    """The name of a role's copy."""

    name = Text(1, 120, description="By default the original's name with (copy).")
    description = Text(max_length=2_000, multiline=True, description="By default the original's.")


class DeleteIn(Schema):
    """What happens to the holders of a deleted role."""

    replacement_role_id = Id(
        "role", description="The role that replaces this one for every holder, at the same nodes and until the same time."
    )


class RoleOut(RecordOut):
    """A role in a response."""

    id = Id("role", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    permissions = ListOf(
        Text(), MOST_PERMISSIONS, required=True, description="For a built-in role: those that the enabled plugins define."
    )
    built_in = Boolean(required=True, description="A built-in role cannot be edited; clone it to change it.")
    holders_count = Integer(required=True, description="Number of users, teams and API keys that hold it now.")


class HolderOut(Schema):
    """The holder of a role at a node."""

    id = Id("grant", required=True)
    subject_type = Choice("user", "team", "api_key", required=True)
    subject_id = Id(required=True)
    subject = Text(required=True, allow_none=True, description="Their name.")
    place = Object(PlaceOut, required=True)
    expires_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)


class HolderAsked(HolderOut):
    """The holder of a role, with the columns that lists filter by."""

    place_type = Choice(*KINDS, allow_none=True, load_only=True)
    place_id = Id(load_only=True)
