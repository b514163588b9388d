"""What clients ask about permissions, and what they get."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from aasim_core.errors import Problem
from aasim_core.http.assignments import KINDS
from aasim_core.http.fields import Boolean, Choice, Id, Instant, ListOf, Object, Text
from aasim_core.http.schema import PaginationOut, Schema

from . import explaining

_MANY = 1_000


class PermissionOut(Schema):
    """One thing that roles can allow."""

    id = Text(required=True, description="What roles and operations name it by.")
    plugin = Text(required=True)
    summary = Text(required=True)
    dangerous = Boolean(required=True, description="It deletes, pays, sends outside or changes rights.")
    operations = ListOf(Text(), _MANY, required=True, description="The operations that ask for it.")
    roles = ListOf(Text(), _MANY, required=True, description="The built-in roles that hold it.")


class GroupOut(Schema):
    """The permissions of one plugin."""

    plugin = Text(required=True)
    title = Text(required=True)
    permissions = ListOf(Text(), _MANY, required=True)


class GroupsOut(Schema):
    """All permissions by plugin, on one page."""

    items = ListOf(Object(GroupOut), _MANY, required=True)
    pagination = Object(PaginationOut, required=True)


class ExplainIn(Schema):
    """Whether a user may do something at a place, by themselves or by one of their API keys."""

    permission = Text(1, 120, required=True, example="agents:execute")
    user_id = Id("user", description="Who; the caller if left out.")
    resource_type = Choice(*KINDS, description="What stands at the place.")
    resource_id = Id(description="The place; the organization if left out.")
    api_key_id = Id("apikey", description="The key by which the user would do it.")

    @validates_schema
    def require_whole_place(self, data: Mapping[str, Any], **_: Any) -> None:
        """Raise for a kind of place without its id, and the other way round."""
        kind, has_id = data.get("resource_type"), "resource_id" in data
        if has_id and kind is None:
            raise ValidationError({"resource_type": [Problem("required", "Write what stands at the place.")]})
        if kind not in (None, "organization") and not has_id:
            raise ValidationError({"resource_id": [Problem("required", f"Write the id of the {kind}.")]})


class ConsideredOut(Schema):
    """A grant of the user's, or of a team that they are in, and what it says."""

    grant_id = Id("grant", required=True)
    role_id = Id("role", required=True)
    role = Text(required=True)
    resource_type = Text(required=True)
    resource_id = Id(required=True)
    team_id = Id("team", required=True, allow_none=True, description="Through which team.")
    team = Text(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    verdict = Choice(*explaining.VERDICTS, required=True)


class ExplanationOut(Schema):
    """Whether it is allowed, and what decided."""

    allowed = Boolean(required=True)
    reason = Choice(*explaining.REASONS, required=True)
    message = Text(max_length=1_000, required=True)
    user_id = Id("user", required=True)
    permission = Text(required=True)
    resource_type = Text(required=True)
    resource_id = Id(required=True)
    api_key_id = Id("apikey", required=True, allow_none=True)
    grants = ListOf(Object(ConsideredOut), explaining.MOST_GRANTS, required=True, description="Those that decided come first.")
