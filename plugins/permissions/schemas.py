"""Requests and responses of permissions."""

from aasim_core.resources.places import PlaceIn, PlaceOut
from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, ListOf, Object, Text
from aasim_core.schemas.schema import PaginationOut, Schema

from . import explaining

_MANY = 1_000


class PermissionOut(Schema):
    """One action that roles can allow."""

    id = Text(required=True, description="The id used by roles and operations.", example="agents:read")
    plugin = Text(required=True)
    summary = Text(required=True, example="Read agents")
    dangerous = Boolean(required=True, description="It deletes, pays, sends data outside or changes rights.")
    operations = ListOf(Text(), _MANY, required=True, description="The operations that require it.", example=["agents_list"])
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
    """Whether a user has a permission at a node, directly or through one of their API keys."""

    permission = Text(1, 120, required=True, example="agents:execute")
    user_id = Id("user", description="The user; the caller by default.")
    place = Object(PlaceIn, description="The node; the whole organization by default.")
    api_key_id = Id("apikey", description="The user's API key.")


class ConsideredOut(Schema):
    """A grant of the user or of one of their teams, and its effect."""

    grant_id = Id("grant", required=True)
    role_id = Id("role", required=True)
    role = Text(required=True)
    place = Object(PlaceOut, required=True)
    team_id = Id("team", required=True, allow_none=True, description="Through which team.")
    team = Text(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    verdict = Choice(*explaining.VERDICTS, required=True)


class ExplanationOut(Schema):
    """Whether it is allowed, and the deciding grants."""

    allowed = Boolean(required=True)
    reason = Choice(*explaining.REASONS, required=True)
    message = Text(max_length=1_000, required=True)
    user_id = Id("user", required=True)
    permission = Text(required=True)
    place = Object(PlaceOut, required=True)
    api_key_id = Id("apikey", required=True, allow_none=True)
    grants = ListOf(Object(ConsideredOut), explaining.MOST_GRANTS, required=True, description="Those that decided come first.")
