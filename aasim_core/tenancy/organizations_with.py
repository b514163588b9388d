"""Jobs that go through all organizations begin with those that have something to do."""

from typing import Any

import peewee

from .records import Organization


def organizations_with(model: Any, *conditions: Any) -> list[str]:
    """The ids of the organizations that have a row of `model` which meets the conditions, in order. Needs a system scope.

    The rows are looked for one organization after the other, so an index on the organization and the conditions answers each.
    """
    some = model.select(peewee.SQL("1")).where(model.organization_id == Organization.id, *conditions)
    query: Any = Organization.select(Organization.id).where(peewee.fn.EXISTS(some)).order_by(Organization.id)
    return [organization_id for (organization_id,) in query.tuples()]
