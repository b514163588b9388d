"""Requests and responses of members."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from aasim_core.errors import Problem
from aasim_core.resources.places import PlaceIn
from aasim_core.schemas.fields import Boolean, Choice, Email, Id, Instant, Integer, ListOf, Locale, Object, Text, Timezone
from aasim_core.schemas.rules import Excludes, Needs, OneOf
from aasim_core.schemas.schema import Schema

PERSON, SERVICE = "person", "service"
#: Teams that a new member can join at once.
MOST_TEAMS = 50


class UserIn(Schema):
    """A member in a request."""

    name = Text(1, 120, required=True, example="Grace Hopper")
    email = Email(
        description="A person's; unchanged if omitted. A new one must be verified by mail.", example="grace@example.com"
    )
    timezone = Timezone(load_default="UTC", example="Europe/Vienna")
    locale = Locale(load_default="en")
    branch_id = Id("branch", allow_none=True, load_default=None, description="Follows from the department if there is one.")
    department_id = Id("dept", allow_none=True, load_default=None, description="Their node in the organization.")
    manager_id = Id("user", allow_none=True, load_default=None, description="An active member.")


class NewUserIn(UserIn):
    """A new member: a person invited by mail, or a service user; optionally with a role and teams."""

    kind = Choice(
        PERSON, SERVICE, load_default=PERSON, description="A service user has no mailbox and no password, only API keys."
    )
    role_id = Id("role", description="A role to assign; or write its name into role.")
    role = Text(1, 120, example="viewer")
    place = Object(PlaceIn, description="The role's node; by default the member's own.")
    expires_at = Instant(allow_none=True, load_default=None, description="When the role expires; null is never.")
    team_ids = ListOf(Id("team"), MOST_TEAMS, unique=True, load_default=list, description="Teams to join.")

    rules = (
        Needs("email", of="kind", when=(PERSON,), default=True, message="Write the address that the invitation goes to."),
        Excludes("email", of="kind", when=(SERVICE,), message="A service user has no mailbox; leave this out."),
        OneOf("role", "role_id", optional=True),
    )

    @validates_schema
    def require_a_role(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise for a node or time without a role."""
        about = [name for name in ("place", "expires_at") if data.get(name) is not None]
        if about and not {"role_id", "role"} & data.keys():
            raise ValidationError({about[0]: [Problem("invalid_choice", "This is about a role; write role_id or role too.")]})


class UserOut(Schema):
    """A member in a response."""

    id = Id("user", required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True, description="Counts every change of membership and account, for If-Match.")
    created_at = Instant(required=True, description="When they joined the organization, or were invited.")
    updated_at = Instant(required=True)
    email = Email(required=True)
    name = Text(required=True)
    status = Choice("invited", "active", "suspended", "deactivated", required=True)
    kind = Choice(PERSON, SERVICE, required=True)
    branch_id = Id("branch", required=True, allow_none=True)
    department_id = Id("dept", required=True, allow_none=True)
    manager_id = Id("user", required=True, allow_none=True)
    timezone = Text(required=True)
    locale = Text(required=True)
    last_login_at = Instant(required=True, allow_none=True)
    email_verified_at = Instant(required=True, allow_none=True, description="When the address was verified.")


class StatusIn(Schema):
    """The new status of a member."""

    status = Choice("active", "suspended", "deactivated", required=True, example="suspended")
    reason = Text(max_length=500, load_default="", example="On leave until June.")
    reassign_to = Id("user", description="With deactivated: the active member who takes over what this one owns.")


class StatusQuery(Schema):
    """Whether to only show the plan."""

    plan = Boolean(load_default=False, description="Change nothing, and list what the member owns.")


class OwnedOut(Schema):
    """An object that names a member as its owner, lead or manager."""

    type = Text(required=True, example="agent")
    id = Id(required=True)
    label = Text(required=True)
    field = Text(required=True, example="owner_id")


class StatusOut(UserOut):
    """The member, and the result."""

    planned = Boolean(required=True, description="Whether nothing was changed.")
    owns = ListOf(Object(OwnedOut), required=True, description="What they own now; at most twenty of each kind.")
    reassigned = Integer(required=True, description="How many objects somebody else has taken over.")
    sessions_ended = Integer(required=True)
    keys_disabled = Integer(required=True)
    keys_enabled = Integer(
        required=True, description="Number of keys that work again because they were active at the suspension."
    )
