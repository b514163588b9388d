"""The reviewer of runs: a run's questions become approvals, and their decisions return to the run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from aasim_core.data.records import find_or_none

from ..executions.hookspecs import Decision, Keeper, Question, Reviewer
from .decisions.actions import editable_in, hash_of
from .models import APPROVED, OPEN, Approval, Assignee, Vote
from .policies.rules import Facts, PolicyDecision, decide_by_policy, is_required
from .service import APPROVALS, Asked

if TYPE_CHECKING:
    from aasim_core import App

_TITLE, _SUMMARY = 200, 10_000
#: What a question may say itself of how it is decided.
_OWN = ("assignees", "quorum", "due_seconds", "editable")
_OTHER_ACTION = "The action is not the one that was approved."
_log = structlog.get_logger("aasim.hitl_approvals")


def reviewer(app: "App") -> Reviewer:
    """Who puts the questions of executions to people."""
    approvals = app.stash.of(APPROVALS)

    def ask(question: Question) -> None:
        if find_or_none(Approval, question.id) is None:
            decision = _decide(question)
            approvals.request(_asked(question, decision.editable), decision)

    return Reviewer("people", asks=lambda question: is_required(_facts(question)), open=ask, decision=decision_on)


def _decide(question: Question) -> PolicyDecision:
    """How the question is decided: as it says itself, and for the rest as the first policy says that matches."""
    said = {name: value for name in _OWN if (value := getattr(question, name)) is not None}
    decision = replace(decide_by_policy(_facts(question)), **said)
    return replace(decision, editable=editable_in(question.kind, decision.editable))


def keeper() -> Keeper:
    """Approvals are retained as long as their runs; the actions, as long as the runs' contents. Who decided stays to the end."""
    return Keeper("approvals", empty=_empty, forget=_forget)


def _empty(execution_ids: Sequence[str]) -> None:
    for approval in Approval.select().where(Approval.execution_id.in_(execution_ids)):
        votes = [{**vote, "edits": None} for vote in approval.votes]
        decision = approval.decision and {**approval.decision, "edits": None}
        said = {"payload": None, "proposed": None, "summary": "", "votes": votes, "decision": decision}
        Approval.update({**said, "version": Approval.version + 1}).where(Approval.id == approval.id).execute()
        Vote.update(edits=None).where(Vote.approval_id == approval.id).execute()


def _forget(execution_ids: Sequence[str]) -> None:
    approvals = Approval.select(Approval.id).where(Approval.execution_id.in_(execution_ids))
    for model in (Assignee, Vote):
        model.delete().where(model.approval_id.in_(approvals)).execute()
    Approval.delete().where(Approval.execution_id.in_(execution_ids)).execute()


def decision_on(approval_id: str) -> Decision | None:
    """What people decided, or None as long as they have not; an action that is not the one they approved is not approved."""
    approval: Approval | None = find_or_none(Approval, approval_id)
    if approval is None or approval.status in OPEN:
        return None
    decided = approval.decision
    approved, comment = approval.status == APPROVED, decided["comment"] or ""
    if approved and hash_of(approval.payload) != approval.action_hash:
        _log.error("an approved action was changed afterwards; it is not carried out", approval_id=approval.id)
        approved, comment = False, _OTHER_ACTION
    return Decision(approved, approval.payload, comment, decided["user_id"])


def _asked(question: Question, editable: Sequence[str]) -> Asked:
    return Asked(
        id=question.id,
        kind=question.kind,
        title=" ".join(question.title.split())[:_TITLE],
        summary=f"{question.reason} {question.summary}".strip()[:_SUMMARY],
        payload=question.action,
        risk=question.risk,
        execution_id=question.execution.id,
        step=question.step,
        path=question.path,
        tool=question.action.get("tool"),
        project_id=question.execution.project_id,
        agent_id=question.execution.subject_of("agent"),
        replaces=question.replaces,
        reason=question.reason,
        initiator_id=question.initiator_id or None,
        editable_schema=question.schema if editable else None,
    )


def _facts(question: Question) -> Facts:
    run, tool = question.execution, question.action.get("tool")
    context: dict[str, Any] = {
        "kind": question.kind,
        "tool": tool,
        "effect": question.effect,
        "risk": question.risk,
        "verdict": question.verdict,
        "arguments": question.action.get("arguments"),
        "output": question.action.get("output"),
        "payload": question.action.get("payload"),
        "execution": {
            **{name: getattr(run, name) for name in ("id", "kind", "project_id", "initiator_id", "input", "metadata", "trigger")},
            **{f"{type_}_id": run.subject_of(type_) for type_ in ("agent", "workflow")},
        },
    }
    return Facts(question.kind, tool, question.effect, question.verdict, context)
