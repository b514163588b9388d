"""Responses of sessions."""

from aasim_core.schemas.fields import Boolean, Choice, Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema


class SessionOut(Schema):
    """A login session."""

    id = Id("session", required=True)
    user_id = Id("user", required=True)
    organization_id = Id("organization", required=True, description="The organization of the session's tokens.")
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    status = Choice("active", "terminated", "expired", required=True, description="expired: too old, or idle for too long.")
    current = Boolean(required=True, description="Whether this is the session of the request.")
    device = Text(
        required=True, description="The program and its system, as far as the user agent tells.", example="Firefox 140 on Linux"
    )
    ip = Text(allow_none=True, required=True, description="Where it began.")
    user_agent = Text(max_length=256, required=True)
    last_seen_at = Instant(required=True, description="To the minute.")
    expires_at = Instant(required=True)
    ended_at = Instant(allow_none=True, required=True)
    end_reason = Text(allow_none=True, required=True, description="What ended it, such as logged_out or password_changed.")


class TerminatedOut(SessionOut):
    """An ended session."""

    already_terminated = Boolean(required=True, description="Whether it had ended before.")
