"""The records of connected apps: apps, operations, shares, uses, and pending authorizations."""

import peewee

from aasim_core.data.fields import DigestField, IdField, InstantField, JsonField, SealedField
from aasim_core.data.records import TenantRecord

PENDING, CONNECTED, EXPIRING, NEEDS_REAUTH, ERROR, REVOKED = STATES = (
    "pending", "connected", "expiring", "needs_reauth", "error", "revoked",
)  # fmt: skip
#: Calls go out; one in error may have recovered.
USABLE = (CONNECTED, EXPIRING, ERROR)


class ConnectedApp(TenantRecord):
    """An external service that agents can use.

    `provider` names its connector. `secret` holds its credentials and tokens as JSON; `generation` counts their changes, so that concurrent
    refreshes do not overwrite each other. `refresh_at` is when its tokens should be refreshed, and `refreshing_until` the end of the
    refresher's lease.
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
    """An operation of an app. Agents may use it while its `digest`, over its whole description, is confirmed.

    `told_effect` is the effect stated by the app, if it was overridden.
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
    """One use of an app, without request and response contents."""

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
    """A share of an app, as in its `shared_with`: indexed for lists."""

    app_id = IdField()
    kind = peewee.TextField()
    target_id = IdField()

    class Meta:
        table_name = "connected_apps_share"
        id_prefix = "cappshare"
        indexes = ((("organization_id", "target_id", "app_id"), False), (("organization_id", "app_id"), False))


class PendingAuthorization(TenantRecord):
    """A pending authorization: `nonce_digest` is the digest of its state's nonce, `code` the provider's code.

    `code_digest` outlives the code, so that reloading the page shows the same result.
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
