"""Starting, cancelling and repeating executions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from aasim_core.access import tree
from aasim_core.access.rights import Rights
from aasim_core.context import current_organization, current_request_id, current_traceparent
from aasim_core.data import records
from aasim_core.data.compiled import compiled
from aasim_core.data.statements import Bind
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events.log import emit
from aasim_core.ids import new_id
from aasim_core.text.json import to_json
from aasim_core.user_code import json_schema

from . import states
from .admission import concurrency_limit, queue_limit
from .admission.queue_limit import FULL as QUEUE_FULL
from .hookspecs import Runner
from .kernel import slots as admissions
from .kernel.slots import Rule
from .lists.labels import of_new
from .lists.labels import write as write_labels
from .log.fingerprints import failures_of
from .log.logbook import Logbook
from .models import NO_PAYLOAD, Execution
from .shell import stored_run
from .shell.admit import Admit
from .shell.delivery import lock_waiting, wake
from .shell.moving import move
from .shell.stored_run import StoredRun, is_rejected
from .shell.waits import Settled, Wait, for_child, for_event, for_signal, until
from .starting import origins
from .starting.listening import is_own_run, may_hear, refuse_unheard, unheard
from .starting.startables import refuse_deep, startable
from .tools.call_questions import needs_approval
from .tools.effects import identity_of, identity_of_child
from .tools.toolbox import APPROVAL_NAMES, APPROVALS, BoundTool, FoundTool, find_tool, kinds_of_tools, toolbox
from .turn.asked import asked_among, decision_on, last_question

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.tenancy.principal import Principal

__all__ = [
    "APPROVALS", "APPROVAL_NAMES", "QUEUE_FULL", "Admit", "BoundTool", "FoundTool", "Logbook", "Rule", "Settled", "Wait",
    "admissions", "asked_among", "decision_on", "failures_of", "find_tool", "for_child", "for_event", "for_signal", "identity_of",
    "identity_of_child", "is_own_run", "kinds_of_tools", "last_question", "may_hear", "move", "needs_approval", "refuse_deep",
    "refuse_unheard", "startable", "toolbox", "unheard", "until",
]  # fmt: skip

_LARGEST_INPUT = 262_144
#: The default trigger of runs.
_BY_API: Mapping[str, Any] = MappingProxyType({"type": "api", "id": None})


class Subject(NamedTuple):
    """The object that an execution runs, and its version; its `type` is the kind of the execution unless another is given."""

    id: str
    version: int
    type: str | None = None


def start(
    app: "App",
    kind: str,
    given: Any,
    *,
    label: str,
    initiator_id: str,
    subject: Subject | None = None,
    project_id: str | None = None,
    input_schema: Any = None,
    parameters: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    trigger: Mapping[str, Any] = _BY_API,
    retry_of: Execution | None = None,
    parent: Execution | None = None,
    undoes: Execution | None = None,
    api_key_id: str | None = None,
    key: str | None = None,
    on_duplicate: Literal["return", "refuse"] = "return",
    run_at: datetime | None = None,
    deadline: datetime | None = None,
    admission: Admit | None = None,
    priority: int = 0,
    chain: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    effects_as: str | None = None,
) -> Execution:
    """Queue a run of the kind, for which a plugin has a `Runner`, in the running transaction.

    Refused ``invalid_state`` while the organization is halted or the project on hold (unless it is that of a `parent`), ``queue_full``
    when too many wait, or by the runner's `check_start`; Invalid for an input that does not meet the `input_schema`. The root is that of
    the `parent`, of the run that is repeated (`retry_of`), or of the one that this `undoes`.

    Where a `key` has started a run that is still kept, that is returned, or Refused ``already_exists``. The run begins at `run_at`; its
    `deadline` counts waits. It waits for its `admission`, or else for a place among the runner's `most_at_once`, and is refused
    ``too_many_at_once`` where it may not; after a start with one, the transaction changes no other run. A higher `priority` goes first.
    `chain` are the links between the starter and the subject, such as a due time. The `labels` are by default the parent's or the repeated
    run's. `effects_as`, or else the `key`, identifies its effects: see `tools.effects`.
    """
    if key and (existing := _started_with(key, on_duplicate)):
        return existing
    _refuse_to_begin(app, project_id, parent)
    check_input(input_schema, given)
    queue_limit.refuse_full(app)
    return _queued(app, run_at, admission, Execution(
        id=new_id("exec"), organization_id=current_organization(), label=label, project_id=project_id, input=given, key=key,
        parameters=dict(parameters or {}), metadata=dict(metadata or {}), deadline_at=deadline, priority=priority,
        effects_as=effects_as or key, request_id=current_request_id(), traceparent=current_traceparent(), **_what_runs(kind, subject),
        **origins.initiator(initiator_id, api_key_id, parent), **origins.origin(parent, retry_of, undoes, trigger),
        **origins.inherited(initiator_id, api_key_id, parent, chain), **of_new(labels, retry_of or parent),
    ))  # fmt: skip


def _started_with(key: str, on_duplicate: Literal["return", "refuse"]) -> Execution | None:
    """Return the run that the key has started; other starts with it are blocked until the running transaction ends."""
    records.database_of(Execution).lock(f"executions/key/{current_organization()}/{key}")
    found = _id_by_key.one(key=key)
    existing = None if found is None else records.find_or_none(Execution, found[0])
    if existing and on_duplicate == "refuse":
        raise Refused("already_exists", f"{existing.id} was started with this key.", meta={"execution_id": existing.id})
    return existing


@compiled(Execution)
def _id_by_key() -> Any:
    return Execution.select(Execution.id).where(Execution.key == Bind("key"))


def _what_runs(kind: str, subject: Subject | None) -> dict[str, Any]:
    """The kind, and the object that is run, as values of the row."""
    return {"kind": kind} | ({} if subject is None else origins.subject(subject.type or kind, subject.id, subject.version))


def _queued(app: "App", run_at: datetime | None, admission: Admit | None, execution: Execution) -> Execution:
    """Write the new execution with its first turn; Refused by its runner's `check_start`."""
    execution.root_id = execution.root_id or execution.id
    execution.plugin = app.offers.owner_of("runners", execution.kind)
    runner = _runner_of(app, execution.kind)
    runner.check_start(execution)
    if (admission := admission or concurrency_limit.own_of(runner, execution)) is not None:
        execution.slot = admission.to_json()
    # First, so that a limit's refusal leaves nothing for the starter to undo.
    emit("executions.queued", states.subject(execution), data=states.told(execution) | states.on_behalf_of(execution))
    StoredRun.begin(execution, run_at)
    write_labels(execution)
    return execution


def _runner_of(app: "App", kind: str) -> Runner:
    """Return the runner of the kind; Refused ``feature_disabled`` where no enabled plugin has one."""
    runner: Runner | None = app.offers.here("runners").get(kind)
    if runner is None:
        plugin = app.offers.owner_of("runners", kind)
        missing = f"No enabled plugin runs executions of the kind {kind}."
        raise Refused("feature_disabled", app.features.explain_off(plugin, "this run") if plugin else missing)
    return runner


def over_among(execution_ids: Collection[str]) -> set[str]:
    """Those of the executions, in whatever scope there is, that are over or gone."""
    going = Execution.select(Execution.id).where(
        Execution.id.in_(list(execution_ids)), Execution.status.not_in(sorted(states.TERMINAL))
    )
    return set(execution_ids) - {execution.id for execution in going}


def _refuse_to_begin(app: "App", project_id: str | None, parent: Execution | None) -> None:
    if app.organization_states.of(current_organization()).is_halted:
        raise Refused("invalid_state", "The organization is halted, so nothing begins in it; resume it first.")
    if parent is None or parent.project_id != project_id:
        tree.refuse_to_begin(project_id)


def check_input(schema: Any, given: Any) -> None:
    """Invalid, of ``input``, for one that is too long for a run, or does not meet the schema, if there is one."""
    if len(to_json(given)) > _LARGEST_INPUT:
        raise Invalid({"input": [Problem("too_long", "The input is longer than 256 KiB; send less, or a reference to it.")]})
    broken = [] if schema is None else json_schema.violations(schema, given)
    if broken:
        raise Invalid({_field(path): [Problem("invalid_format", message)] for path, message in broken})


def _field(path: str) -> str:
    return "input" if path == "_" else f"input{path}" if path.startswith("[") else f"input.{path}"


def allows(rights: Rights, permission: str, execution: Execution, user_id: str) -> bool:
    """Whether the permission holds on the execution: at its place, or because the user started it."""
    own = execution.initiator_id == user_id and rights.has_for_shared(permission)
    return own or rights.allows_at(permission, execution.project_id)


def resume(execution_id: str) -> None:
    """Continue a waiting run, in the running transaction; a run that does not wait is unchanged."""
    lock_waiting(execution_id)
    if (stored := StoredRun.find(execution_id)) is not None:
        wake(stored)


def is_over(status: str) -> bool:
    """Whether an execution of that status has come to its end."""
    return status in states.TERMINAL


def has_ended(execution_id: str) -> bool:
    """Whether the execution has come to its end, or is not there any more."""
    execution = records.find_or_none(Execution, execution_id)
    return execution is None or is_over(execution.status)


def cancel(execution: Execution, reason: str | None, grace_seconds: int) -> Execution:
    """End the execution: at once where nothing runs, or else as soon as its runner sees it.

    So are the runs that it waits for. Repeating it changes nothing; Refused ``invalid_state`` for one that is over.
    """
    cancelled, follow = stored_run.cancel(execution, reason, grace_seconds * 1000)
    if is_rejected(follow):
        message = f"An execution that is {cancelled.status} cannot become {states.CANCELLED}."
        raise Refused("invalid_state", message, meta={"status": cancelled.status})
    return cancelled


def lock_children(execution_id: str) -> None:
    """Lock the execution against starting children and cancellation until the running transaction ends."""
    stored_run.lock_children(execution_id)


def restart(app: "App", execution: Execution, principal: "Principal", *, same_version: bool) -> Execution:
    """Start a run like that one for the principal, as its `Runner` does; Refused where they may not."""
    try:
        return _runner_of(app, execution.kind).restart(execution, principal, same_version)
    except Refused as refused:
        raise naming_subject(execution, refused) from refused


def naming_subject(execution: Execution, refused: Refused) -> Refused:
    """The error, which says in the case of the one 404 that what the execution runs is missing."""
    if refused.code != "not_found" or execution.subject_id is None:
        return refused
    what = f"the execution runs {execution.subject_id}, which is deleted, or not visible to you."
    return Refused("not_found", f"There is no such {execution.subject_type}: {what}")


def refuse_unless_repeatable(execution: Execution) -> None:
    """Refused ``invalid_state`` unless the execution is over and its input still stored."""
    if execution.status not in states.TERMINAL:
        message = f"The execution is {execution.status}; only one that is over can be repeated."
        raise Refused("invalid_state", message, meta={"status": execution.status})
    if execution.retained == NO_PAYLOAD:
        message = f"The execution's input is no longer stored; execute the {execution.kind} again with an input."
        raise Refused("invalid_state", message, meta={"retained": execution.retained})
