"""Causes of events and requests: the flows that have led to them. A loop ends, also where it leaves and comes back over HTTP.

A flow's run acts in a request whose id names the firing, and is signed. Calls that leave the installation carry the id, see
`aasim_core.outbound.client`; a request that comes back with it belongs to the same chain, also in another organization.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aasim_core.context import SYSTEM, Actor, acting_as, system_scope
from aasim_core.data.records import database_of, find_or_none
from aasim_core.events.records import EventRow
from aasim_core.text import base64url

from ...executions.models import Execution
from ..models import BY_EVENT, PENDING, SKIPPED, WITH_RUN, Firing, JobFlow
from ..progress.deadlines import LOOPING, tell_owner
from ..recording import write
from ..settings import settings_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: Why nothing starts: the flow has led to this itself, or one cause has led to too much.
LOOP = "loop"
_LONGEST_CHAIN = 10
_PURPOSE, _SIGNATURE_BYTES = "job_flows.cause", 16


@dataclass(frozen=True)
class Cause:
    """`chain` are the flows that have led here, the first one first; `root_id` is the event or the firing that they go back to."""

    chain: Sequence[str] = ()
    root_id: str | None = None


def acting_for(app: "App", firing: Firing, actor: Actor) -> acting_as:
    """Make what happens inside the block belong to the request of the firing, whose id is ``firing_….signature``."""
    signature = app.keyring.sign(_PURPOSE, firing.id.encode())[:_SIGNATURE_BYTES]
    return acting_as(actor, f"{firing.id}.{base64url.encode(signature)}")


def cause_of_request(app: "App", request_id: str | None) -> Cause:
    """What has led to the request; nothing where its id names no firing, or is not signed by this installation."""
    return _after(_of_request(app, request_id))


def cause_of_event(app: "App", event: EventRow) -> Cause:
    """What has led to the event: by the request that it belongs to, or by what it is about."""
    return _after(_of_request(app, event.request_id) or _about(event))


def _of_request(app: "App", request_id: str | None) -> Firing | None:
    firing_id, _, signature = (request_id or "").partition(".")
    if not firing_id.startswith("firing_"):
        return None
    signatures = app.keyring.signatures(_PURPOSE, firing_id.encode())
    if not any(hmac.compare_digest(base64url.encode(each[:_SIGNATURE_BYTES]), signature) for each in signatures):
        return None
    with system_scope("find the firing that has led to a request, perhaps in another organization"):
        found: Firing | None = Firing.get_or_none(Firing.id == firing_id)
    return found


def _about(event: EventRow) -> Firing | None:
    """Return the firing whose run or flow the event is about."""
    mine: Any = Firing.select()
    if event.subject_type == "execution":
        run: Execution | None = find_or_none(Execution, event.subject_id or "")
        mine = mine.where(WITH_RUN, Firing.execution_id.in_([event.subject_id, run and run.root_id]))
    elif event.subject_type == "flow":
        mine = mine.where(Firing.flow_id == event.subject_id).order_by(Firing.due_at.desc(), Firing.id.desc())
    else:
        return None
    found: Firing | None = mine.first()
    return found


def _after(firing: Firing | None) -> Cause:
    if firing is None:
        return Cause()
    root_id = firing.root_id or (firing.key if firing.origin == BY_EVENT else firing.id)
    return Cause((*firing.chain, firing.flow_id), root_id)


def write_caused(app: "App", flow: JobFlow, firing: Firing, cause: Cause) -> None:
    """Write a firing that came with an event or a request; it is skipped as a `LOOP` where the flow has led to it itself, or where
    the cause has led to as many starts as may be. Needs a transaction.
    """
    firing.chain, firing.root_id = list(cause.chain), cause.root_id
    if firing.outcome == PENDING:
        if flow.id in cause.chain or len(cause.chain) >= _LONGEST_CHAIN:
            firing.outcome, firing.reason = SKIPPED, LOOP
        elif cause.root_id is not None:
            _skip_beyond_limit(app, flow, firing, cause.root_id)
    with acting_for(app, firing, SYSTEM):
        write(flow, firing)


def _skip_beyond_limit(app: "App", flow: JobFlow, firing: Firing, root_id: str) -> None:
    """Skip the firing if the limit of its cause is reached; the first time the flow's owner is told."""
    limit = settings_of(app).caused_limit
    database_of(Firing).lock(f"job_flows/cause/{root_id}")
    with system_scope("count what one cause has led to, perhaps in several organizations"):
        caused = Firing.select(Firing.id).where(Firing.root_id == root_id)
        if not caused.where(Firing.outcome != SKIPPED).offset(limit - 1).limit(1).exists():
            return
        is_told = caused.where(Firing.explanation.is_null(False)).exists()
    firing.outcome, firing.reason = SKIPPED, LOOP
    firing.explanation = f"{root_id} has led to {limit} starts of job flows already."
    if not is_told:
        tell_owner(flow, LOOPING)
