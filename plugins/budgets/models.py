"""The records of budgets: limits, usage per period, and reservations for running calls."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, InstantField, JsonField

REFUSE, ALLOW = "refuse", "allow"
STATUSES = ACTIVE, DISABLED = ("active", "disabled")
KINDS = ("organization", "branch", "department", "project", "agent", "api_key")
PERIODS = ("day", "week", "month", "total")


class Budget(TenantRecord):
    """What may be spent on engines at a place, and by everything in it; None is no limit.

    `node_id` is the node of the tree that the place belongs to, None for the organization itself. Costs are in micro-units of
    `currency`, `warn_percents` are of the limits.
    """

    name = peewee.TextField()
    place_type = peewee.TextField(column_name="scope_type")
    place_id = IdField(column_name="scope_id")
    node_id = IdField(null=True)
    period = peewee.TextField()
    timezone = peewee.TextField()
    max_cost = peewee.BigIntegerField(null=True)
    currency = peewee.TextField()
    max_tokens = peewee.BigIntegerField(null=True)
    unpriced = peewee.TextField(default=REFUSE)
    warn_percents = JsonField(default=list)
    status = peewee.TextField(default=ACTIVE)

    class Meta:
        table_name = "budgets_budget"
        id_prefix = "budget"
        references = {"place_id": ("branch", "dept", "project")}  # noqa: RUF012 - peewee's Meta is read once
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "name"), True),
            (("organization_id", "place_id"), False),
        )

    @property
    def place(self) -> dict[str, str]:
        """The object that it limits, as in responses: ``{"type", "id"}``."""
        return {"type": self.place_type, "id": self.place_id}


class BudgetUse(TenantRecord):
    """The usage and reservations of a budget in one period; `ends_at` is None for one without an end.

    `warned` is the highest percentage warned of, `exceeded_at` the time of the last event that nothing is left.
    """

    budget_id = IdField()
    starts_at = InstantField()
    ends_at = InstantField(null=True)
    used_cost = peewee.BigIntegerField(default=0)
    used_tokens = peewee.BigIntegerField(default=0)
    reserved_cost = peewee.BigIntegerField(default=0)
    reserved_tokens = peewee.BigIntegerField(default=0)
    warned = peewee.BigIntegerField(default=0)
    exceeded_at = InstantField(null=True)

    class Meta:
        table_name = "budgets_use"
        id_prefix = "budgetuse"
        indexes = ((("organization_id", "budget_id", "starts_at"), True),)


class Reservation(TenantRecord):
    """The reservation of a running engine call, across all applicable budgets.

    `holds` are ``{"use_id", "cost", "tokens"}`` in the order of the budgets' ids. An execution's step has at most one.
    """

    execution_id = IdField(null=True)
    step = peewee.BigIntegerField(null=True)
    holds = JsonField()

    class Meta:
        table_name = "budgets_reservation"
        id_prefix = "reservation"
        indexes = ((("organization_id", "execution_id", "step"), True),)
