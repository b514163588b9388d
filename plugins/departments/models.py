"""The records of departments."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField

ACTIVE, INACTIVE = "active", "inactive"


class Department(TenantRecord):
    """A part of the organization. `branch_id` is the branch that it is in, at whatever depth."""

    name = peewee.TextField()
    code = peewee.TextField(null=True)
    branch_id = IdField(null=True)
    parent_id = IdField(null=True)
    head_id = IdField(null=True)
    cost_center = peewee.TextField(null=True)
    status = peewee.TextField(default=ACTIVE)

    class Meta:
        table_name = "departments_department"
        id_prefix = "dept"
        references = {"branch_id": "branch", "parent_id": "dept", "head_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        positions = {"head_id": "departments:appoint"}  # noqa: RUF012
        carried = "id"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name", "id"), False),
            (("organization_id", "branch_id"), False),
            (("organization_id", "parent_id"), False),
            (("organization_id", "code"), True),
        )
