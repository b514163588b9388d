"""The record of a depot."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField


class Depot(TenantRecord):
    """A place that takes parcels, of a department or of the whole organization."""

    name = peewee.TextField()
    department_id = IdField(null=True)
    is_open = peewee.BooleanField(default=True)

    class Meta:
        table_name = "depots_depot"
        id_prefix = "depots_depot"
        references = {"department_id": "dept"}
        indexes = ((("organization_id", "department_id"), False),)
