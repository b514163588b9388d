"""Sessions, API keys, invitations and links sent by mail."""

import peewee

from ..data.fields import DigestField, IdField, InstantField, JsonField
from ..data.records import Record, TenantRecord


class Session(Record):
    """A login session of a user, across their organizations; new tokens are for the current one."""

    user_id = IdField()
    current_organization_id = IdField()
    status = peewee.TextField(default="active")
    device = peewee.TextField(default="")
    ip = peewee.TextField(null=True)
    network = peewee.TextField(null=True)
    user_agent = peewee.TextField(default="")
    last_seen_at = InstantField()
    expires_at = InstantField()
    ended_at = InstantField(null=True)
    end_reason = peewee.TextField(null=True)

    class Meta:
        table_name = "core_session"
        id_prefix = "session"
        indexes = ((("user_id", "status", "created_at"), False),)


class RefreshToken(Record):
    """A refresh token by its digest; its single use creates its successor."""

    session_id = IdField(index=True)
    digest = DigestField(unique=True)
    used_at = InstantField(null=True)
    successor_digest = DigestField(null=True)

    class Meta:
        table_name = "core_refresh_token"
        id_prefix = "refresh"


class ApiKey(TenantRecord):
    """A key that acts for `user_id` within `scopes`; `made_by` is the user to whom it was shown.

    After regeneration the previous one works until `previous_expires_at`.

    A key whose creator is suspended is disabled with `suspended_at`, and active again when they are.
    """

    user_id = IdField(index=True)
    name = peewee.TextField()
    description = peewee.TextField(default="")
    status = peewee.TextField(default="active")
    scopes = JsonField(default=list)
    project_id = IdField(null=True)
    allowed_ips = JsonField(default=list)
    rate_limit = peewee.BigIntegerField(null=True)
    expires_at = InstantField(null=True)
    prefix = peewee.TextField()
    last_four = peewee.TextField()
    digest = DigestField(unique=True)
    previous_digest = DigestField(null=True, index=True)
    previous_expires_at = InstantField(null=True)
    rotated_at = InstantField(null=True)
    suspended_at = InstantField(null=True)
    last_used_at = InstantField(null=True)
    last_used_ip = peewee.TextField(null=True)
    made_by = IdField(null=True)

    class Meta:
        table_name = "core_api_key"
        id_prefix = "apikey"
        indexes = ((("organization_id", "created_at", "id"), False),)


class PasswordReset(Record):
    """A single-use, expiring link to set a new password, by its digest."""

    user_id = IdField(index=True)
    digest = DigestField(unique=True)
    expires_at = InstantField()
    used_at = InstantField(null=True)

    class Meta:
        table_name = "core_password_reset"
        id_prefix = "reset"


class EmailVerification(Record):
    """A single-use, expiring link that verifies access to the address `email`, by its digest."""

    user_id = IdField(index=True)
    digest = DigestField(unique=True)
    expires_at = InstantField()
    used_at = InstantField(null=True)
    email = peewee.TextField()

    class Meta:
        table_name = "core_email_verification"
        id_prefix = "verification"


class Invitation(TenantRecord):
    """How often something failed recently, and until when further attempts must wait. The id is the digest of the bucket's key."""

    user_id = IdField()
    email = peewee.TextField()
    name = peewee.TextField()
    timezone = peewee.TextField(default="UTC")
    locale = peewee.TextField(default="en")
    invited_by = IdField(null=True)
    digest = DigestField(null=True, unique=True)
    expires_at = InstantField()

    class Meta:
        table_name = "core_invitation"
        id_prefix = "invitation"
        indexes = ((("organization_id", "email"), True), (("organization_id", "user_id"), True))


class Throttle(Record):
    """How often something failed lately, and until when it must wait. The id is the digest of what is counted."""

    failures = peewee.BigIntegerField(default=0)
    last_failure_at = InstantField()
    blocked_until = InstantField(null=True)

    class Meta:
        table_name = "core_throttle"


RECORDS: tuple[type[Record], ...] = (Session, RefreshToken, ApiKey, PasswordReset, EmailVerification, Invitation, Throttle)
