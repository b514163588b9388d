"""The records of connected apps: the app, what it can do, who may use it, what was done with it, and authorizations under way."""

import peewee

from aasim_core.data.fields import DigestField, IdField, InstantField, JsonField, SealedField
from aasim_core.data.records import TenantRecord

PENDING, CONNECTED, EXPIRING, NEEDS_REAUTH, ERROR, REVOKED = STATES = (
    "pending", "connected", "expiring", "needs_reauth", "error", "revoked",
)  # fmt: skip
#: Calls go out; one in error may have recovered.
USABLE = (CONNECTED, EXPIRING, ERROR)


class ConnectedApp(TenantRecord):
    """A service of somebody else's that agents can use.

    `provider` names its connector. `secret` has its credentials and tokens, as JSON; `generation` counts the changes of them, so that
    nobody overwrites tokens that others got meanwhile. `refresh_at` is when its tokens have used up most of their life, and
    `refreshing_until` the end of the lease of whoever gets new ones.
    """

    name = peewee.TextField()
    description = peewee.TextField(default="")
    provider = peewee.TextField()
    auth_type = peewee.TextField()
    status = peewee.TextField(default=PENDING)
    scopes = JsonField(default=list)
    config = JsonField(default=dict)
    secret = SealedField(null=True)
    generation = peewee.BigIntegerField(default=1)
    expires_at = InstantField(null=True)
    refresh_at = InstantField(null=True)
    refreshed_at = InstantField(null=True)
    refreshing_until = InstantField(null=True)
    shared_with = JsonField(default=list)
    project_id = IdField(null=True)
    last_used_at = InstantField(null=True)
    last_error = JsonField(null=True)
    synced_at = InstantField(null=True)
    halted_at = InstantField(null=True)

    class Meta:
        table_name = "connected_apps_app"
        id_prefix = "capp"
        references = {"project_id": "project"}  # noqa: RUF012 - peewee's Meta is read once
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name"), True),
            (("organization_id", "project_id"), False),
        )


class AppOperation(TenantRecord):
    """Something that an app can do. Agents may use it while `digest`, which is of all that they are told of it, is confirmed.

    `told_effect` is what the app says of its effect, where somebody has set another one.
    """

    app_id = IdField()
    name = peewee.TextField()
    description = peewee.TextField(default="")
    parameters = JsonField()
    effect = peewee.TextField()
    told_effect = peewee.TextField(null=True)
    idempotent = peewee.BooleanField()
    digest = peewee.TextField()
    confirmed = peewee.BooleanField()

    class Meta:
        table_name = "connected_apps_operation"
        id_prefix = "cappop"
        indexes = ((("organization_id", "app_id", "name"), True),)


class Use(TenantRecord):
    """One use of an app. What was sent and what came back is not kept here."""

    app_id = IdField()
    execution_id = IdField(null=True)
    step = peewee.TextField(null=True)
    operation = peewee.TextField()
    status = peewee.TextField()
    code = peewee.TextField(null=True)
    duration_ms = peewee.BigIntegerField()

    class Meta:
        table_name = "connected_apps_use"
        id_prefix = "cappuse"
        indexes = ((("organization_id", "app_id", "created_at", "id"), False), (("created_at",), False))


class Share(TenantRecord):
    """One of those with whom an app is shared, by what `shared_with` of the app says: for lists, which look it up."""

    app_id = IdField()
    kind = peewee.TextField()
    target_id = IdField()

    class Meta:
        table_name = "connected_apps_share"
        id_prefix = "cappshare"
        indexes = ((("organization_id", "target_id", "app_id"), False), (("organization_id", "app_id"), False))


class PendingAuthorization(TenantRecord):
    """An authorization that somebody began: `nonce_digest` is of what its state holds, `code` what the provider sent back.

    `code_digest` outlives the code, so that a page that is loaded twice is told the same.
    """

    app_id = IdField()
    user_id = IdField()
    nonce_digest = DigestField()
    verifier = SealedField(null=True)
    code = SealedField(null=True)
    code_digest = DigestField(null=True)
    expires_at = InstantField()

    class Meta:
        table_name = "connected_apps_authorization"
        id_prefix = "cappauth"
        indexes = ((("organization_id", "app_id"), False),)
