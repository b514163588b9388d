"""The records of registrations that are not yet confirmed by mail."""

import peewee

from aasim_core import Record
from aasim_core.data.fields import DigestField, InstantField


class Registration(Record):
    """Somebody who wants an account, until a link to `email` makes it; good once, until it expires.

    There is a `digest` when the mail has been written. Whether the address has an account already makes no difference here.
    """

    email = peewee.TextField()
    name = peewee.TextField()
    organization_name = peewee.TextField()
    password_hash = DigestField()
    digest = DigestField(null=True, unique=True)
    expires_at = InstantField()
    used_at = InstantField(null=True)

    class Meta:
        table_name = "auth_registration"
        id_prefix = "registration"
        internal = True
        indexes = ((("email", "created_at"), False),)
