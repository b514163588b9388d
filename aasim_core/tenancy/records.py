"""Organizations, accounts and memberships."""

import peewee

from ..data.fields import DigestField, IdField, InstantField, JsonField
from ..data.records import Record, TenantRecord

#: The states of an organization: active; suspended by its operator; closing, deleted by its owners, who can still restore it.
ACTIVE, SUSPENDED, CLOSING = "active", "suspended", "closing"


class Organization(Record):
    """A tenant. `authz_epoch` counts the changes of rights in it; see `epoch.bump`.

    While `halted_at` is set, nothing runs in it. A closing one is deleted at `delete_at`, with everything that belongs to it.
    """

    name = peewee.TextField()
    slug = peewee.TextField(unique=True)
    status = peewee.TextField(default=ACTIVE)
    timezone = peewee.TextField(default="UTC")
    settings = JsonField(default=dict)
    plan = peewee.TextField(default="unlimited")
    authz_epoch = peewee.BigIntegerField(default=1)
    halted_at = InstantField(null=True)
    delete_at = InstantField(null=True, index=True)

    class Meta:
        table_name = "core_organization"
        id_prefix = "organization"


class User(Record):
    """An account: a person, or a service without a password. It belongs to organizations through memberships.

    `email_verified_at` is when the account's owner proved access to its e-mail address.
    """

    email = peewee.TextField(unique=True)
    name = peewee.TextField()
    status = peewee.TextField(default="active")
    kind = peewee.TextField(default="person")
    password_hash = DigestField(null=True)
    password_changed_at = InstantField(null=True)
    timezone = peewee.TextField(default="UTC")
    locale = peewee.TextField(default="en")
    avatar_url = peewee.TextField(null=True)
    is_platform_admin = peewee.BooleanField(default=False)
    last_login_at = InstantField(null=True)
    email_verified_at = InstantField(null=True)

    class Meta:
        table_name = "core_user"
        id_prefix = "user"
        has_revisions = False  # the version of a member counts the changes of account and membership


class Membership(TenantRecord):
    """A user's membership of an organization; `name`, `email` and `kind` are copied from the account or invitation.

    They are written by `people` and `identity.invitations`.
    """

    user_id = IdField()
    name = peewee.TextField()
    email = peewee.TextField()
    kind = peewee.TextField(default="person")
    status = peewee.TextField(default="active")
    branch_id = IdField(null=True)
    department_id = IdField(null=True)
    manager_id = IdField(null=True)

    class Meta:
        table_name = "core_membership"
        id_prefix = "membership"
        references = {"branch_id": "branch", "department_id": "dept"}  # noqa: RUF012 - peewee's Meta is read once
        stands_for = ("user_id", "user")
        carried = "department_id"
        indexes = (
            (("user_id", "organization_id"), True),
            (("organization_id", "created_at", "user_id"), False),
            (("organization_id", "name", "user_id"), False),
            (("organization_id", "email", "user_id"), False),
        )


class FeatureSwitch(TenantRecord):
    """Whether a plugin enabled for the deployment is enabled for the organization, where an owner has set it."""

    plugin = peewee.TextField()
    enabled = peewee.BooleanField()

    class Meta:
        table_name = "core_feature_switch"
        id_prefix = "switch"
        indexes = ((("organization_id", "plugin"), True),)


RECORDS: tuple[type[Record], ...] = (Organization, User, Membership, FeatureSwitch)
