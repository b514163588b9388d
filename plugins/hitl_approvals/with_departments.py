"""Department heads as assignees, if the plugin departments is enabled."""

from typing import Any

from peewee import fn

from ..departments.models import Department

#: Who leads what.
HEADS = (Department.head_id, Department.id)


def is_head(department_id: Any, user_id: Any) -> Any:
    """Whether the user leads the department, as an expression over two columns."""
    return fn.EXISTS(Department.select(Department.id).where(Department.id == department_id, Department.head_id == user_id))
