"""Operations on approvals: request, vote, escalate and end; the waiting run is notified in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aasim_core import Invalid, Kept, Problem, Refused, emit, enqueue
from aasim_core.clock import from_text, now, to_text
from aasim_core.data import records
from aasim_core.ids import new_id

from ..executions import service as executions
from .decisions import ballots
from .decisions.actions import edited, edits_told, hash_of, refuse_unfit
from .decisions.ballots import ALREADY_DECIDED, Ballot
from .decisions.closing import ENDED, close, end_levels, is_left_over, subject_of, told
from .eligibility.rules import Eligibility
from .escalation import business_hours, next_assignees
from .escalation.next_assignees import Put
from .models import APPROVE, APPROVED, CANCELLED, ESCALATED, EXPIRED, OPEN, PENDING, REJECTED, RISKS, Approval
from .policies.rules import PolicyDecision

if TYPE_CHECKING:
    from aasim_core import App

TIME_OUT, NOTIFY = "hitl_approvals.time_out", "hitl_approvals.notify"
_NOBODY = "Nobody decided in time."


@dataclass(frozen=True)
class Asked:
    """The question: about which action (a JSON value), of which step of which execution; `path` names the step or node.

    `id` is the approval's, if it has one. `editable_schema` is the schema of the editable part of the action. `replaces` is an approval of
    the previous action, and `reason` is why approval is requested.
    """

    title: str
    payload: Any
    id: str | None = None
    summary: str = ""
    kind: str = "tool_call"
    risk: str = "medium"
    execution_id: str | None = None
    step: int | None = None
    path: str | None = None
    tool: str | None = None
    project_id: str | None = None
    agent_id: str | None = None
    initiator_id: str | None = None
    editable_schema: Any = None
    replaces: str | None = None
    reason: str = ""


class Approvals:
    """Approvals in the organization in scope; everything that changes one needs a transaction."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self.eligibility = Eligibility(app)

    # Asking

    def request(self, asked: Asked, decision: PolicyDecision) -> Approval:
        """Open an approval, and assign it by the policy's decision: or at a higher level, where none of the assignees may decide it."""
        facts = {**vars(asked), "id": asked.id or new_id("approval")}
        reason = facts.pop("reason")
        approval: Approval = records.create(
            Approval,
            **facts,
            risk_rank=RISKS.index(asked.risk),
            action_hash=hash_of(asked.payload),
            editable=list(decision.editable),
            quorum=decision.quorum,
            policy_quorum=decision.quorum,
            own_requests=decision.own_requests,
            policy_id=decision.policy_id,
            due_seconds=decision.due_seconds,
            due_at=now(),
        )
        assignees = next_assignees.resolved(decision.assignees, approval.project_id)
        level = 1
        if not (assignees and next_assignees.put(self.eligibility, approval, level, assignees)):
            level = 2 if assignees else 1
            higher = next_assignees.climb(self.eligibility, approval, level)
            level, assignees = (1, assignees) if higher is None else (level, higher)
        self._hand_to(approval, PENDING, level, assignees)
        emit("hitl_approvals.requested", subject_of(approval), data=_asked_for(approval, reason))
        return approval

    # Deciding

    def approve(self, approval_id: str, ballot: Ballot) -> Approval:
        """Count a vote for the action, or for the action as the vote edits it; with enough votes for one action it is approved.

        Refused ``already_decided`` and ``action_changed``; Invalid for edits where none are allowed, or that do not fit.
        """
        approval = self._held(approval_id)
        ballots.refuse_unseen(approval, ballot.action_hash)
        action = _edited(approval, ballot.edits) if ballot.edits else approval.payload
        before, action_hash = approval.payload, hash_of(action)
        vote = ballots.cast(approval, ballot, action_hash, self._seats(approval, ballot.user_id))
        quorum = self._quorum(approval, approval.level)
        values = {"payload": action, "action_hash": action_hash, "votes": [*approval.votes, vote], "quorum": quorum}
        if action_hash != approval.action_hash:
            values["proposed"] = approval.proposed or before
        if ballots.count(approval, action_hash) < quorum:
            changes = _changes(approval.action_hash, action_hash, ballot.edits, before, action)
            self._change(approval, values)
            emit("hitl_approvals.voted", subject_of(approval), data=told(approval, choice=APPROVE), changes=changes)
            return approval
        edits = ballots.edits_in(values["votes"])
        changes = _changes(approval.action_hash, action_hash, edits, values.get("proposed", approval.proposed), action)
        self._settle(approval, APPROVED, {**values, "decision": ballots.decision(True, ballot, edits)}, changes)
        return approval

    def reject(self, approval_id: str, ballot: Ballot) -> Approval:
        """Reject the action; one vote is enough. Refused ``already_decided`` and ``action_changed``."""
        approval = self._held(approval_id)
        ballots.refuse_changed(approval, ballot.action_hash)
        vote = ballots.cast(approval, ballot, approval.action_hash, self._seats(approval, ballot.user_id))
        self._settle(approval, REJECTED, {"votes": [*approval.votes, vote], "decision": ballots.decision(False, ballot, None)})
        return approval

    def withdraw(self, approval_id: str, user_id: str) -> Approval:
        """Take the user's votes back while the approval is open; they stay in its `votes`, with the time. The action stays as edited.

        Refused ``already_decided`` once it is decided, and ``invalid_state`` for somebody without a vote.
        """
        approval = self._held(approval_id)
        votes = ballots.withdraw(approval, user_id)
        self._change(approval, {"votes": votes})
        emit("hitl_approvals.vote_withdrawn", subject_of(approval), data=told(approval))
        return approval

    def escalate(self, approval_id: str, user_id: str, to: Put | None, reason: str) -> Approval:
        """Reassign the approval, or escalate it to the next level; existing votes count.

        Invalid for a person who may not decide it, Refused ``invalid_state`` where there is no higher level, and ``permission_denied`` for
        a user who is no longer an assignee.
        """
        approval = self._held(approval_id)
        self._seats(approval, user_id)
        level = approval.level + 1
        if to is None:
            assignees = next_assignees.climb(self.eligibility, approval, level)
            if assignees is None:
                raise Refused("invalid_state", "Nobody is further up; name somebody in `to`, or decide it.")
        else:
            assignees = [to]
            if not next_assignees.put(self.eligibility, approval, level, assignees):
                raise Invalid({"to": [Problem("invalid_reference", "There is nobody who may decide this approval.")]})
        self._pass_up(approval, level, assignees, reason)
        return approval

    # Ends without a decision

    def time_out(self, approval_id: str, level: int) -> None:
        """Escalate an approval whose time at the level is over; after the last level it expires, which is not approval."""
        records.database_of(Approval).lock(_lock(approval_id))
        approval: Approval | None = records.find_or_none(Approval, approval_id)
        if approval is None or approval.status not in OPEN or approval.level != level:
            return
        if is_left_over(approval):
            close(str(approval.execution_id), ENDED)
            return
        assignees = next_assignees.climb(self.eligibility, approval, level + 1)
        if assignees is not None:
            self._pass_up(approval, level + 1, assignees, _NOBODY)
            return
        decision = {"approved": False, "user_id": None, "decided_at": to_text(now()), "comment": _NOBODY, "edits": None}
        self._settle(approval, EXPIRED, {"decision": decision})

    def _hand_to(self, approval: Approval, status: str, level: int, assignees: Sequence[Put]) -> None:
        """Record the assignees and the deadline; the assignees are notified, and the deadline is scheduled."""
        calendar = next_assignees.calendar_of(self._app, approval.project_id)
        due_at = business_hours.after(now(), approval.due_seconds, calendar)
        if level > 1:
            end_levels(approval, below=level)
        quorum = self._quorum(approval, level)
        values = {"status": status, "level": level, "assignees": list(assignees), "quorum": quorum, "due_at": due_at}
        self._change(approval, values)
        payload = {"approval_id": approval.id, "level": level}
        enqueue(NOTIFY, payload)
        enqueue(TIME_OUT, payload, run_at=due_at)

    def _quorum(self, approval: Approval, level: int) -> int:
        """How many must approve at the level: as many as the policy wants, or all who may decide there now, if they are fewer."""
        wanted: int = approval.policy_quorum
        return wanted if wanted == 1 else len(self.eligibility.people(approval.id, level, at_most=wanted)) or wanted

    def _pass_up(self, approval: Approval, level: int, assignees: Sequence[Put], reason: str) -> None:
        before = {name: getattr(approval, name) for name in ("status", "level", "quorum")}
        self._hand_to(approval, ESCALATED, level, assignees)
        changes = {name: [old, getattr(approval, name)] for name, old in before.items() if old != getattr(approval, name)}
        data = told(approval, reason=reason, assignees=list(assignees))
        emit("hitl_approvals.escalated", subject_of(approval), data=data, changes=changes)

    def _held(self, approval_id: str) -> Approval:
        """Return the current approval, locked against votes and escalation; Refused if it is decided."""
        records.database_of(Approval).lock(_lock(approval_id))
        approval: Approval = records.find(Approval, approval_id)
        if approval.status not in OPEN:
            raise decided(approval.status)
        if is_left_over(approval):
            raise decided(CANCELLED)
        return approval

    def _seats(self, approval: Approval, user_id: str) -> list[str]:
        seats = self.eligibility.seats(approval, user_id)
        if not seats:
            raise self.eligibility.denial(approval, user_id)
        return seats

    def _settle(
        self, approval: Approval, status: str, values: Mapping[str, Any], changes: Mapping[str, Sequence[Any]] | None = None
    ) -> None:
        """End the approval, and resume the waiting run.

        The run is locked first: cancelling a run and closing its approvals takes the locks in the same order.
        """
        before = approval.status
        if approval.execution_id is not None:
            executions.resume(approval.execution_id)
        self._change(approval, {**values, "status": status, "decided_at": from_text(values["decision"]["decided_at"])})
        end_levels(approval)
        data = told(approval, comment=values["decision"]["comment"])
        emit(f"hitl_approvals.{status}", subject_of(approval), data=data, changes={"status": [before, status], **(changes or {})})

    def _change(self, approval: Approval, values: Mapping[str, Any]) -> None:
        seen = {"version": approval.version, "status": approval.status}
        updates = {**values, "version": approval.version + 1, "updated_at": now()}
        if not records.compare_and_set(approval, seen, updates):
            raise decided(records.find(Approval, approval.id).status)


#: The app's own, whose statements are compiled once.
APPROVALS = Kept(Approvals)


def decided(status: str) -> Refused:
    """Return the error for a late decision, by the approval's status."""
    return Refused(ALREADY_DECIDED, f"The approval is {status}; nothing is left to decide.", meta={"status": status})


def _edited(approval: Approval, edits: Mapping[str, Any]) -> Any:
    action = edited(approval.payload, edits, approval.editable)
    if approval.editable_schema is not None:
        refuse_unfit(action, approval.kind, approval.editable_schema)
    return action


def _asked_for(approval: Approval, reason: str) -> dict[str, Any]:
    return told(approval, risk=approval.risk, quorum=approval.quorum, reason=reason or None, replaces=approval.replaces)


def _changes(
    hash_before: str, hash_after: str, edits: Mapping[str, Any] | None, before: Any, after: Any
) -> dict[str, Sequence[Any]]:
    """Return the data of edits for an event: the hash that a vote changed, and the old and the new value of each pointer."""
    changes: dict[str, Sequence[Any]] = {} if hash_before == hash_after else {"action_hash": [hash_before, hash_after]}
    return changes | edits_told(edits or {}, before, after)


def _lock(approval_id: str) -> str:
    return f"hitl_approvals/{approval_id}"
