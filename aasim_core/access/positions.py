"""Positions: a field of a record in the tree that gives the named member special rights, as the head of a department.

A record whose id is that of a node declares them in its ``Meta``: ``positions = {"head_id": "departments:appoint"}``, the field and the
permission at the node that appointing somebody needs.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..data.records import Row
from .rights import Rights


def of(model: type[Row]) -> Mapping[str, str]:
    """Return the permission by field, for each position of the record."""
    declared: Mapping[str, str] = getattr(model._meta, "positions", {})
    return declared


def among(models: Iterable[type[Row]]) -> Iterator[tuple[Any, str, str]]:
    """Return record, field and permission of every position."""
    return ((model, field, permission) for model in models for field, permission in of(model).items())


def require_positions_of(rights: Rights, models: Iterable[type[Row]], user_id: str) -> None:
    """Refused ``permission_denied`` unless the caller may appoint to all positions that the member holds."""
    for model, field, permission in among(models):
        for (node_id,) in model.select(model.id).where(getattr(model, field) == user_id).tuples():
            rights.require_at(permission, node_id)
