"""Requests and responses of teams."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from aasim_core.errors import Problem
from aasim_core.schemas.fields import Choice, Email, Id, Instant, Integer, ListOf, Object, Slug, Text
from aasim_core.schemas.rules import OneOf
from aasim_core.schemas.schema import Schema

TEAM_ROLES = ("lead", "member")
MOST_AT_ONCE = 200


class TeamIn(Schema):
    """A team in a request."""

    name = Text(1, 120, required=True, example="Customer care")
    slug = Slug(description="Unique in the organization; derived from the name by default.")
    description = Text(max_length=2_000, multiline=True, load_default="")
    lead_id = Id("user", allow_none=True, load_default=None, description="The lead; becomes a member.")


class TeamOut(Schema):
    """A team in a response."""

    id = Id("team", required=True)
    organization_id = Id("organization", required=True)
    version = Integer(required=True, description="Counts every change, including those of its members, for If-Match.")
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    name = Text(required=True)
    slug = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    lead_id = Id("user", required=True, allow_none=True)
    members_count = Integer(required=True)


class MembersIn(Schema):
    """The new members: one user, or several."""

    user_id = Id("user", description="One user; an error refuses the request.")
    user_ids = ListOf(
        Id("user"), MOST_AT_ONCE, min_items=1, unique=True, description="Several users; an error is reported in the user's row."
    )
    team_role = Choice(*TEAM_ROLES, load_default="member")

    rules = (OneOf("user_id", "user_ids"),)

    @validates_schema
    def require_one_lead(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise for several leads."""
        if data.get("team_role") == "lead" and len(data.get("user_ids", ())) > 1:
            raise ValidationError({"team_role": [Problem("invalid_choice", "A team has one lead; name one user.")]})


class MembershipOut(Schema):
    """The result for one user."""

    user_id = Id("user", required=True)
    status = Choice("added", "changed", "unchanged", "refused", required=True)
    team_role = Choice(*TEAM_ROLES, required=True, allow_none=True, description="Null where refused.")
    code = Text(required=True, allow_none=True, description="Why it was refused.")
    message = Text(required=True)


class MembershipsOut(Schema):
    """The result for each user, in the order of the request."""

    items = ListOf(Object(MembershipOut), MOST_AT_ONCE, required=True)


class MemberOut(Schema):
    """A member of a team."""

    id = Id("teammember", required=True)
    user_id = Id("user", required=True)
    name = Text(required=True)
    email = Email(required=True)
    status = Text(required=True, description="Of the membership in the organization.", example="active")
    team_role = Choice(*TEAM_ROLES, required=True)
    created_at = Instant(required=True)
