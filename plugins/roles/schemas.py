"""What clients write about roles, and what they get."""

from aasim_core.resources.places import KINDS, PlaceOut
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, ListOf, Object, Text
from aasim_core.schemas.schema import RecordOut, Schema

MOST_PERMISSIONS = 1_000


class RoleIn(Schema):
    """A role, as a client writes it."""

    name = Text(1, 120, required=True, description="Unique in the organization.", example="Release manager")
    description = Text(max_length=2_000, multiline=True, load_default="")
    permissions = ListOf(
        Text(1, 120), MOST_PERMISSIONS, unique=True, load_default=list, description="What it allows; see GET /permissions/list."
    )


class CloneIn(Schema):
    """What a copy of a role is called."""

    name = Text(1, 120, description="The original's name with (copy) if left out.")
    description = Text(max_length=2_000, multiline=True, description="The original's if left out.")


class DeleteIn(Schema):
    """What becomes of those who hold a role that is deleted."""

    replacement_role_id = Id(
        "role", description="The role that everybody gets who holds this one, at the same places and as long."
    )


class RoleOut(RecordOut):
    """A role, as a client gets it."""

    id = Id("role", required=True)
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    permissions = ListOf(
        Text(), MOST_PERMISSIONS, required=True, description="Of a built-in role: what the plugins that are on give it."
    )
    built_in = Boolean(required=True, description="A built-in role is locked; clone it to change it.")
    holders_count = Integer(required=True, description="How many users, teams and API keys hold it now, at one place or more.")


class HolderOut(Schema):
    """Somebody who holds a role at a place."""

    id = Id("grant", required=True)
    subject_type = Choice("user", "team", "api_key", required=True)
    subject_id = Id(required=True)
    subject = Text(required=True, allow_none=True, description="What they are called.")
    place = Object(PlaceOut, required=True)
    expires_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)


class HolderAsked(HolderOut):
    """Somebody who holds a role, with what lists can be filtered by."""

    place_type = Choice(*KINDS, allow_none=True, load_only=True)
    place_id = Id(load_only=True)
