"""Limit jobs over all organizations to those that have work."""

from typing import Any

import peewee

from .records import Organization


def organizations_with(model: Any, *conditions: Any) -> list[str]:
    """Return the ids of the organizations with a row of `model` that meets the conditions, in order. Needs a system scope.

    Organizations are checked one after the other, so an index on the organization and the conditions serves each check.
    """
    some = model.select(peewee.SQL("1")).where(model.organization_id == Organization.id, *conditions)
    query: Any = Organization.select(Organization.id).where(peewee.fn.EXISTS(some)).order_by(Organization.id)
    return [organization_id for (organization_id,) in query.tuples()]
