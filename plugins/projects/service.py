"""Operations on projects: put on hold, archive, and reactivate."""

from collections.abc import Mapping

from aasim_core import Refused, emit
from aasim_core.access import tree
from aasim_core.clock import now
from aasim_core.data import records

from .models import ACTIVE, ARCHIVED, ON_HOLD, Project

#: What can become of a project in each status.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {ACTIVE: (ON_HOLD, ARCHIVED), ON_HOLD: (ACTIVE, ARCHIVED), ARCHIVED: (ACTIVE,)}


def change_status(project: Project, status: str, reason: str) -> Project:
    """Give the project another status; Refused ``invalid_state`` for one that cannot follow. Nothing to do for the same."""
    if status == project.status:
        return project
    if status not in TRANSITIONS[project.status]:
        following = " or ".join(TRANSITIONS[project.status])
        raise Refused(
            "invalid_state", f"A project that is {project.status} can become {following}.", meta={"status": project.status}
        )
    changed = records.change(project, {"status": status})
    tree.archive(project.id, now() if status == ARCHIVED else None)
    tree.hold(project.id, now() if status == ON_HOLD else None)
    emit("projects.status_changed", project, changes=changed, data={"reason": reason})
    return project
