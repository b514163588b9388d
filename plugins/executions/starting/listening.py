"""Permission to listen to events: a definition receives only events that its author could read."""

from typing import TYPE_CHECKING

from aasim_core.access.rights import Rights
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.patterns import matches

from ..models import Execution

if TYPE_CHECKING:
    from aasim_core.app import App

#: Readers of the log may listen to everything.
_LOG, READ = "activities", "activities:read"


def may_hear(app: "App", rights: Rights, pattern: str) -> bool:
    """Return whether the holder of these rights may listen to such events; they belong to no node, so the whole organization counts."""
    return rights.reaches_everything(READ) or all(map(rights.reaches_everything, _needed(app, pattern)))


def unheard(app: "App", pattern: str) -> Refused:
    """The refusal ``permission_denied`` for who may not listen to such events."""
    needed = sorted(_needed(app, pattern))
    message = f"Listening to {pattern} needs the permission {' and '.join(needed)} in the whole organization."
    if READ in needed and not app.plugins.is_on(_LOG):
        message += f" The plugin {_LOG}, which brings it, is off, so nobody may."
    return Refused("permission_denied", message, meta={"permission": needed[0]})


def refuse_unheard(app: "App", rights: Rights, pattern: str) -> None:
    """Raises `unheard` unless these events may be heard."""
    if not may_hear(app, rights, pattern):
        raise unheard(app, pattern)


def _needed(app: "App", pattern: str) -> set[str]:
    names = [pattern] if pattern in app.events else [name for name in app.events if matches(pattern, name)]
    return {app.events[name].heard_with or READ for name in names} or {READ}


def is_own_run(subject_id: str, user_id: str) -> bool:
    """Whether events about this subject are about a run that the user has started."""
    run: Execution | None = records.find_or_none(Execution, subject_id)
    return run is not None and run.initiator_id == user_id
