"""Requests and responses of API keys."""

from aasim_core.schemas.fields import Choice, Cidr, Id, Instant, Integer, ListOf, Text
from aasim_core.schemas.schema import RecordOut, Schema

MAX_AGE_DAYS, DEFAULT_AGE_DAYS = 365, 90
DAY = 86_400

MAX_AGE = Integer(
    1, MAX_AGE_DAYS, load_default=MAX_AGE_DAYS, description="How many days a key may live from when it is made or regenerated."
)


class ApiKeyIn(Schema):
    """A key as a client writes it."""

    name = Text(1, 120, required=True)
    description = Text(max_length=2_000, multiline=True, load_default="")
    scopes = ListOf(
        Text(1, 100), 500, min_items=1, unique=True, required=True, example=["api_keys:read"],
        description="Permissions that the key is limited to. It never has more rights than its user has at that moment.",
    )  # fmt: skip
    project_id = Id("project", allow_none=True, load_default=None, description="A project that the key is limited to.")
    allowed_ips = ListOf(
        Cidr(), 50, unique=True, load_default=list, description="Networks that the key works from; empty is everywhere."
    )
    rate_limit = Integer(
        1, 1_000_000, allow_none=True, load_default=None,
        description="Requests a minute; null, and whatever is more, is what everybody may send.",
    )  # fmt: skip
    expires_at = Instant(
        description=f"{DEFAULT_AGE_DAYS} days from now for a new key that does not say; at most {MAX_AGE_DAYS} from when it was made."
    )


class NewApiKeyIn(ApiKeyIn):
    """A new key, of the caller or of a service user."""

    user_id = Id("user", description="A service user that the key acts for; the caller if it is left out.")


class ApiKeyOut(RecordOut):
    """A key as a client gets it: all but the key itself."""

    id = Id("apikey", required=True)
    user_id = Id("user", required=True, description="The user or service user that the key represents.")
    name = Text(required=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    status = Choice("active", "disabled", "expired", "revoked", required=True)
    scopes = ListOf(Text(), 500, required=True, example=["agents:read"])
    project_id = Id(allow_none=True, required=True)
    allowed_ips = ListOf(Text(), required=True, example=["203.0.113.0/24"])
    rate_limit = Integer(allow_none=True, required=True)
    expires_at = Instant(allow_none=True, required=True)
    prefix = Text(required=True, description="What the key begins with.", example="aasim_sk_9Hc2")
    last_four = Text(required=True, description="What it ends with.", example="x7Qd")
    rotated_at = Instant(allow_none=True, required=True, description="When it was regenerated; null if it never was.")
    previous_expires_at = Instant(allow_none=True, required=True, description="How long the key before works too, or did.")
    last_used_at = Instant(allow_none=True, required=True, description="To the minute.")
    last_used_ip = Text(allow_none=True, required=True)


class ShownApiKeyOut(ApiKeyOut):
    """A key with the key itself, which is shown this once."""

    key = Text(required=True, description="The key. It is not stored, and never shown again.", example="aasim_sk_…")


class ToggleIn(Schema):
    """Whether the key is to work."""

    status = Choice("active", "disabled", required=True, example="disabled")


class RegenerateIn(Schema):
    """How the change from the old key to the new one goes."""

    overlap_seconds = Integer(0, 7 * DAY, load_default=DAY, description="How long the old key works along with the new one.")
    expires_at = Instant(description="As before if it is left out; at most so long from now as keys may live.")
