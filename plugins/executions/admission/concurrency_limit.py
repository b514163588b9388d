"""The limit of concurrent executions."""

from typing import TYPE_CHECKING, Any

from aasim_core.data.records import database_of

from .. import states
from ..hookspecs import Runner
from ..kernel.slots import Rule
from ..models import GOING, Execution, of_same_subject
from ..settings import ExecutionSettings
from ..shell.admit import Admit

if TYPE_CHECKING:
    from aasim_core.app import App


def own_of(runner: Runner, execution: Execution) -> Admit | None:
    """The admission of what the execution runs, where the runner limits how many of these run at the same time."""
    if (most := runner.most_at_once(execution)) is None:
        return None
    return Admit(_key_of(execution), Rule(limit=most), hold="turn")


def _key_of(execution: Execution) -> str:
    return f"{execution.kind}/{execution.subject_id or ''}"


def is_full(app: "App", runner: Runner | None, execution: Execution) -> bool:
    """Whether as many executions run already as the organization may have at the same time.

    Who counts holds a lock until the execution's new state is committed, or two would take the last place. Where nothing is limited,
    nothing is locked or counted. A run needs one admission at most; so those that have another one than their runner's `most_at_once`,
    or were started before there was any, are counted for that, too.
    """
    most = app.settings.section("executions", ExecutionSettings).concurrency
    own = runner.most_at_once(execution) if runner and not _has_own(execution) else None
    if not most and own is None:
        return False
    database_of(Execution).lock(f"executions/{execution.organization_id}")
    return bool(most and _running() >= most) or (own is not None and _running(of_same_subject(execution)) >= own)


def _has_own(execution: Execution) -> bool:
    return execution.slot is not None and execution.slot["key"] == _key_of(execution)


def _running(*conditions: Any) -> int:
    """How many run, with those that were asked to end and are still about it."""
    return int(Execution.select(Execution.id).where(GOING, Execution.status.in_(states.AT_WORK), *conditions).count())
