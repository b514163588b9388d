"""Delete the data of nodes together with their runs."""

from collections.abc import Sequence

from .models import NodeRow, ResultRow


def empty(execution_ids: Sequence[str]) -> None:
    """Delete what nodes gave, and why they failed."""
    ResultRow.delete().where(ResultRow.execution_id.in_(list(execution_ids))).execute()


def forget(execution_ids: Sequence[str]) -> None:
    """Delete the nodes, too."""
    empty(execution_ids)
    NodeRow.delete().where(NodeRow.execution_id.in_(list(execution_ids))).execute()
