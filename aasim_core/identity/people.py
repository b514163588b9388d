"""Members as others see them: by their account or, until they have accepted it, by their invitation."""

from collections.abc import Sequence
from typing import Any

from ..data.views import first_of
from .records import Invitation, User

#: Columns for views that `joins` are part of.
NAME, EMAIL = first_of(User.name, Invitation.name), first_of(User.email, Invitation.email)


def joins(user_id: Any) -> Sequence[tuple[Any, Any]]:
    """What a view joins to have these columns; `user_id` is the column that names the member."""
    return (User, User.id == user_id), (Invitation, Invitation.user_id == user_id)
