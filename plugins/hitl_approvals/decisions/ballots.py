"""Votes on an approval: cast for a seat, counted by action, and withdrawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aasim_core import ErrorCode, Refused
from aasim_core.clock import now, to_text
from aasim_core.data import records

from ..models import APPROVE, Approval, Vote

ALREADY_DECIDED = ErrorCode(
    "already_decided",
    409,
    "somebody has decided, or you have voted",
    "read the approval; nothing is left to decide",
    example="Somebody has decided this already.",
    meta={"status": "approved"},
)


@dataclass(frozen=True)
class Ballot:
    """A vote that somebody casts; `action_hash` is that of the action they saw, if they say it."""

    user_id: str
    choice: str
    comment: str | None = None
    edits: Mapping[str, Any] | None = None
    action_hash: str | None = None


def cast(approval: Approval, ballot: Ballot, action_hash: str, seats: Sequence[str]) -> dict[str, Any]:
    """Write the vote for the first of the seats that is free, and return it as answers have it. Refused ``already_decided`` for none."""
    there = list(Vote.select().where(Vote.approval_id == approval.id, Vote.action_hash == action_hash))
    taken = {vote.seat_id for vote in there}
    free = [seat for seat in seats if seat not in taken]
    if not free or any(vote.user_id == ballot.user_id for vote in there):
        raise Refused(ALREADY_DECIDED, "You have voted on this action, for yourself and everybody you stand in for.")
    vote = records.create(
        Vote,
        approval_id=approval.id,
        action_hash=action_hash,
        user_id=ballot.user_id,
        seat_id=free[0],
        level=approval.level,
        choice=ballot.choice,
        comment=ballot.comment,
        edits=dict(ballot.edits) if ballot.edits else None,
    )
    return {
        "user_id": vote.user_id,
        "on_behalf_of": None if vote.seat_id == vote.user_id else vote.seat_id,
        "choice": vote.choice,
        "comment": vote.comment,
        "edits": vote.edits,
        "action_hash": action_hash,
        "level": vote.level,
        "decided_at": to_text(vote.created_at),
        "withdrawn_at": None,
    }


def count(approval: Approval, action_hash: str) -> int:
    """How many have approved exactly this action."""
    alike = (Vote.approval_id == approval.id) & (Vote.action_hash == action_hash) & (Vote.choice == APPROVE)
    return int(Vote.select(Vote.id).where(alike).count())


def withdraw(approval: Approval, user_id: str) -> list[dict[str, Any]]:
    """Delete the user's votes, so that they may vote again; returns all votes as answers have them. Refused ``invalid_state`` for none."""
    mine = (Vote.approval_id == approval.id) & (Vote.user_id == user_id)
    if not Vote.delete().where(mine).execute():
        raise Refused("invalid_state", "You have no vote on this approval that could be withdrawn.")
    moment = to_text(now())
    return [
        {**vote, "withdrawn_at": moment} if vote["user_id"] == user_id and not vote.get("withdrawn_at") else vote
        for vote in approval.votes
    ]


def decision(approved: bool, ballot: Ballot, edits: Mapping[str, Any] | None) -> dict[str, Any]:
    """How an approval ends that somebody decides, as answers have it."""
    return {
        "approved": approved,
        "user_id": ballot.user_id,
        "decided_at": to_text(now()),
        "comment": ballot.comment,
        "edits": edits,
    }


def edits_in(votes: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """All edits that made the action what it is, the later ones over the earlier."""
    merged: dict[str, Any] = {}
    for vote in votes:
        merged |= vote["edits"] or {}
    return merged or None


def refuse_unseen(approval: Approval, action_hash: str | None) -> None:
    """An action that somebody has edited is approved by its hash only, or it could be another one than the voter saw."""
    is_edited = any(vote["edits"] for vote in approval.votes)
    refuse_changed(approval, action_hash or ("" if is_edited else None))


def refuse_changed(approval: Approval, action_hash: str | None) -> None:
    """Refused ``action_changed`` for the hash of an action that the approval is not about any more."""
    if action_hash not in (None, approval.action_hash):
        message = "The action is not the one that you saw; read the approval again, and send its action_hash."
        raise Refused("action_changed", message, field="action_hash", meta={"action_hash": approval.action_hash})
