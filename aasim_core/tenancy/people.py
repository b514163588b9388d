"""Names of members: memberships copy them from accounts, so that an index sorts and filters an organization's members by name.

An account belongs to no organization, so no index of accounts has the order of an organization's members.
"""

from collections.abc import Mapping
from typing import Any

from ..context import system_scope
from ..data import records
from ..data.records import database_of
from .records import Membership, User

#: The fields that memberships copy from accounts.
CALLED = ("name", "email", "kind")


def join(user_id: str, **values: Any) -> Membership:
    """Make the account a member of the organization in scope. Needs a transaction."""
    membership: Membership = records.create(Membership, user_id=user_id, **called(user_id), **values)
    return membership


def called(user_id: str) -> dict[str, str]:
    """Return the account's names, locked until the running transaction, which writes them to a membership, ends."""
    _hold(user_id)
    account = User.get_by_id(user_id)
    return {name: getattr(account, name) for name in CALLED}


def change(user: User, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Write changed values to the account, and its names to its memberships in all organizations. Needs a transaction.

    Returns and raises what `records.change` does.
    """
    changed = records.change(user, values)
    if not changed.keys().isdisjoint(CALLED):
        _hold(user.id)
        with system_scope("write to all memberships of an account what it is called"):
            theirs = Membership.update({name: getattr(user, name) for name in CALLED})
            theirs.where(Membership.user_id == user.id).execute()
    return changed


def _hold(user_id: str) -> None:
    """Serialize joining with renaming; otherwise a new membership could have an old name."""
    database_of(User).lock(f"people/{user_id}")
