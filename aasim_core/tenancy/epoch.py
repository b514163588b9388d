"""The counter that makes every change of rights act on the next request."""

from ..data.records import database_of
from .records import Organization


def bump(organization_id: str) -> None:
    """Make what was loaded of the organization's rights, and what else is `remembered` of it, stale.

    Call it in the transaction of every change of roles, grants, teams, tree, memberships and feature switches, and of what is
    remembered.
    """
    database_of(Organization).current_transaction().bumped.add(organization_id)
    Organization.update(authz_epoch=Organization.authz_epoch + 1).where(Organization.id == organization_id).execute()
