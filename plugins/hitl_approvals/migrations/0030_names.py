"""Approvals name people and instants as everything else does: in their columns, and in the JSON of votes and decisions."""

from typing import Any

from aasim_core.data.migrator import renaming

_APPROVAL = "hitl_approvals_approval"
_RENAMED = ((_APPROVAL, "requested_by", "initiator_id"), ("hitl_approvals_delegation", "until", "expires_at"))
_MEMBERS = {"by": "user_id", "at": "decided_at"}


def up(migrator: Any, db: Any) -> None:
    """Rename the columns, and the members of votes and decisions."""
    renaming.rename_columns(db, _RENAMED)
    _rewrite(db, _MEMBERS)


def down(migrator: Any, db: Any) -> None:
    """Give everything its former name again."""
    renaming.restore_columns(db, _RENAMED)
    _rewrite(db, renaming.inverted(_MEMBERS))


def _rewrite(db: Any, names: dict[str, str]) -> None:
    for column in ("votes", "decision"):
        renaming.rewrite_json(db, _APPROVAL, column, lambda value: renaming.with_names(value, names))
