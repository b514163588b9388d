"""Requests and responses of projects."""

from aasim_core.schemas.fields import Choice, Id, Integer, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ARCHIVED, ON_HOLD


class BudgetIn(Schema):
    """Planned spending in a period; it is stored but not enforced, unlike ``/budgets``."""

    amount = Integer(0, 10**15, required=True, description="Micro-units of the currency.")
    currency = Patterned("[A-Z]{3}", 'a three-letter currency code (ISO 4217), such as "EUR"', load_default="USD", example="EUR")
    period = Choice("month", "quarter", "year", "total", load_default="month")


class ProjectIn(Schema):
    """A project in a request; its status is changed by a separate operation."""

    name = Text(1, 120, required=True, example="Website")
    key = Patterned(
        "[A-Z][A-Z0-9-]{1,31}", 'capital letters, digits and hyphens, such as "WEB"', allow_none=True, load_default=None,
        description="Unique in the organization.", example="WEB",
    )  # fmt: skip
    description = Text(max_length=2_000, multiline=True, load_default="")
    lead_id = Id("user", allow_none=True, load_default=None, description="An active member.")
    branch_id = Id(
        "branch",
        allow_none=True,
        load_default=None,
        description="The branch it belongs to; follows from department_id if that is set.",
    )
    department_id = Id("dept", allow_none=True, load_default=None, description="The department it belongs to.")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)
    budget = Object(BudgetIn, allow_none=True, load_default=None, description="A plan, which is stored but not enforced.")


class StatusIn(Schema):
    """A project's new status."""

    status = Choice(ACTIVE, ON_HOLD, ARCHIVED, required=True)
    reason = Text(1, 500, required=True, example="The customer has cancelled.")


class ProjectOut(RecordOut):
    """A project in a response."""

    id = Id("project", required=True)
    name = Text(required=True)
    key = Text(required=True, allow_none=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    status = Choice(ACTIVE, ON_HOLD, ARCHIVED, required=True, description="Archived: everything in it is read-only.")
    lead_id = Id("user", required=True, allow_none=True)
    branch_id = Id("branch", required=True, allow_none=True)
    department_id = Id("dept", required=True, allow_none=True)
    tags = ListOf(Text(), required=True)
    budget = Object(BudgetIn, required=True, allow_none=True)
