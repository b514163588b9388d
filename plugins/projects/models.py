"""The records of projects."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, JsonField

ACTIVE, ON_HOLD, ARCHIVED = "active", "on_hold", "archived"


class Project(TenantRecord):
    """What people work on together. `branch_id` and `department_id` are the nearest that it is in."""

    name = peewee.TextField()
    key = peewee.TextField(null=True)
    description = peewee.TextField(default="")
    status = peewee.TextField(default=ACTIVE)
    lead_id = IdField(null=True)
    branch_id = IdField(null=True)
    department_id = IdField(null=True)
    tags = JsonField(default=list)
    budget = JsonField(null=True)

    class Meta:
        table_name = "projects_project"
        id_prefix = "project"
        references = {"branch_id": "branch", "department_id": "dept", "lead_id": "user"}  # noqa: RUF012 - peewee's Meta is read once
        carried = "id"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name", "id"), False),
            (("organization_id", "branch_id"), False),
            (("organization_id", "department_id"), False),
            (("organization_id", "key"), True),
        )
