"""Requests and responses of departments."""

from aasim_core.schemas.fields import Choice, Id, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, INACTIVE


class DepartmentIn(Schema):
    """A department in a request."""

    name = Text(1, 120, required=True, example="Customer care")
    code = Text(1, 32, allow_none=True, load_default=None, description="Unique in the organization.", example="CARE")
    branch_id = Id(
        "branch",
        allow_none=True,
        load_default=None,
        description="The branch it belongs to; follows from parent_id if that is set.",
    )
    parent_id = Id("dept", allow_none=True, load_default=None, description="The department it belongs to.")
    head_id = Id("user", allow_none=True, load_default=None, description="An active member.")
    cost_center = Text(1, 64, allow_none=True, load_default=None)
    status = Choice(ACTIVE, INACTIVE, load_default=ACTIVE)


class DepartmentOut(RecordOut):
    """A department in a response."""

    id = Id("dept", required=True)
    name = Text(required=True)
    code = Text(required=True, allow_none=True)
    branch_id = Id("branch", required=True, allow_none=True, description="The branch it is in, at any depth.")
    parent_id = Id("dept", required=True, allow_none=True)
    head_id = Id("user", required=True, allow_none=True)
    cost_center = Text(required=True, allow_none=True)
    status = Choice(ACTIVE, INACTIVE, required=True)
