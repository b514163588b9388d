"""What clients write about projects, and what they get."""

from aasim_core.schemas.fields import Choice, Id, Integer, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import RecordOut, Schema

from .models import ACTIVE, ARCHIVED, ON_HOLD


class BudgetIn(Schema):
    """What is planned to be spent, and in which time; a plan that is kept and not enforced, as those of ``/budgets`` are."""

    amount = Integer(0, 10**15, required=True, description="Micro-units of the currency.")
    currency = Patterned("[A-Z]{3}", 'a currency\'s three letters (ISO 4217), such as "EUR"', load_default="USD", example="EUR")
    period = Choice("month", "quarter", "year", "total", load_default="month")


class ProjectIn(Schema):
    """A project, as a client writes it; its status is changed by an operation of its own."""

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
        description="The branch it hangs on; follows from department_id where that is set.",
    )
    department_id = Id("dept", allow_none=True, load_default=None, description="The department it hangs on.")
    tags = ListOf(Text(1, 50), 20, unique=True, load_default=list)
    budget = Object(BudgetIn, allow_none=True, load_default=None, description="A plan, which is kept and not enforced.")


class StatusIn(Schema):
    """The status that a project is to have."""

    status = Choice(ACTIVE, ON_HOLD, ARCHIVED, required=True)
    reason = Text(1, 500, required=True, example="The customer has cancelled.")


class ProjectOut(RecordOut):
    """A project, as a client gets it."""

    id = Id("project", required=True)
    name = Text(required=True)
    key = Text(required=True, allow_none=True)
    description = Text(max_length=2_000, multiline=True, required=True)
    status = Choice(ACTIVE, ON_HOLD, ARCHIVED, required=True, description="Archived: it and what belongs to it can only be read.")
    lead_id = Id("user", required=True, allow_none=True)
    branch_id = Id("branch", required=True, allow_none=True)
    department_id = Id("dept", required=True, allow_none=True)
    tags = ListOf(Text(), required=True)
    budget = Object(BudgetIn, required=True, allow_none=True)
