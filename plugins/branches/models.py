"""The records of branches."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, JsonField

ACTIVE, INACTIVE = "active", "inactive"


class Branch(TenantRecord):
    """A location of the organization; its node belongs to the organization itself."""

    name = peewee.TextField()
    code = peewee.TextField(null=True)
    address = JsonField(null=True)
    timezone = peewee.TextField(default="UTC")
    business_hours = JsonField(default=list)
    holidays = JsonField(default=list)
    manager_id = IdField(null=True)
    status = peewee.TextField(default=ACTIVE)

    class Meta:
        table_name = "branches_branch"
        id_prefix = "branch"
        references = {"manager_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        positions = {"manager_id": "branches:appoint"}  # noqa: RUF012
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name", "id"), False),
            (("organization_id", "code"), True),
        )
