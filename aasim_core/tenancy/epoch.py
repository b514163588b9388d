"""The counter that makes every change of rights effective on the next request."""

from ..data.records import database_of
from .records import Organization


def bump(organization_id: str) -> None:
    """Invalidate the organization's cached rights and `cached` values.

    Call it in the transaction of every change of roles, grants, teams, tree, memberships and feature switches, and of remembered values.
    """
    database_of(Organization).current_transaction().bumped.add(organization_id)
    Organization.update(authz_epoch=Organization.authz_epoch + 1).where(Organization.id == organization_id).execute()
