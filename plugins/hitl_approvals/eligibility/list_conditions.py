"""Lists of approvals, as conditions that start from the few matching assignments.

They agree with `eligibility` about single approvals: visibility, and pending votes.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from peewee import SQL, fn

from aasim_core.access.records import Node
from aasim_core.access.tree import beyond
from aasim_core.data.compiled import numbered, padded
from aasim_core.data.conditions import Condition, all_of, any_of, equals
from aasim_core.identity.records import ApiKey

from ...executions.models import Execution
from ..models import HEAD, MANAGER, OWNER, PERMISSION, ROLE, TEAM, USER, Approval, Assignee, Vote
from .own_assignees import Meaning

# What stands in the text of a statement: so the database knows how many rows have it, also where it plans for any values.
_OPEN = (SQL("'pending'"), SQL("'escalated'"))
_TYPES = {
    USER: SQL("'user'"), TEAM: SQL("'team'"), ROLE: SQL("'role'"), OWNER: SQL("'owner'"), PERMISSION: SQL("'permission'"),
    HEAD: SQL("'department_head'"), MANAGER: SQL("'branch_manager'"),
}  # fmt: skip


def concerning(
    user_id: str, meanings: Sequence[Meaning], within: Sequence[Condition], is_within: Callable[[str], bool]
) -> Condition:
    """The approvals that are `within` reach, that the user has asked for, or that were ever put to one of these.

    Each part is a query of ids with an index of its own; the page is read from their union. Of roles that are held at a path that
    `is_within` reach, everything is found there already.
    """
    asked_for = equals(Approval.initiator_id, user_id)
    parts = [Condition(partial(_ids, each.expression), **each.values) for each in (asked_for, *within)]
    return _in_union([*parts, *(part for meaning in meanings for part in _put_to(meaning, is_known=is_within, waiting=False))])


def waiting_for(user_id: str, meanings: Sequence[Meaning]) -> Condition:
    """Match the open approvals that wait for the user's vote: for a seat without one."""
    seats = [
        all_of(_in_union(list(_put_to(meaning, waiting=True))), Condition(_is_free, seat=meaning.user_id))
        for meaning in meanings
        if meaning.is_active and meaning.may_decide
    ]
    mine = any_of(*seats) if seats else Condition(_nothing)
    return all_of(mine, Condition(_has_not_voted, me=user_id))


def may_be_decided_by(user_id: Any) -> Any:
    """Whether the user is somebody else than who asked, themselves or by a key that they made, or may decide what they asked for."""
    is_another = Approval.initiator_id.is_null() | (Approval.initiator_id != user_id)
    return Approval.own_requests | (is_another & ~fn.EXISTS(by_a_key_of(user_id)))


def by_a_key_of(user_id: Any) -> Any:
    """The approval's run, where it was begun with a key that the user made."""
    run = Execution.select(Execution.id).join(ApiKey, on=(ApiKey.id == Execution.api_key_id))
    return run.where(Execution.id == Approval.execution_id, ApiKey.made_by == user_id)


def votes(of: Any) -> Any:
    """The votes about the action as it stands."""
    about = (Vote.approval_id == Approval.id) & (Vote.action_hash == Approval.action_hash)
    return Vote.select(Vote.id).where(about, of)


def _nothing() -> Any:
    return SQL("1 = 0")


def _has_not_voted(me: Any) -> Any:
    return Approval.status.in_(_OPEN) & may_be_decided_by(me) & ~fn.EXISTS(votes(Vote.user_id == me))


def _is_free(seat: Any) -> Any:
    return may_be_decided_by(seat) & ~fn.EXISTS(votes(Vote.seat_id == seat))


def _nowhere(path: str) -> bool:
    return False


def _put_to(meaning: Meaning, *, waiting: bool, is_known: Callable[[str], bool] = _nowhere) -> Iterator[Condition]:
    """Queries of the ids of the approvals that are put to the member: at their present level, or at any."""
    for kind, ids in sorted(meaning.anywhere.items()):
        yield Condition(partial(_assigned, waiting, kind), **numbered("subject", ids))
    for (kind, subject_id), paths in sorted(meaning.placed.items()):
        unknown = [path for path in paths if not is_known(path)]
        if unknown and subject_id not in meaning.anywhere.get(kind, ()):
            starts = padded(unknown)
            places = {f"start{n}": path for n, path in enumerate(starts)}
            ends = {f"end{n}": beyond(path) for n, path in enumerate(starts)}
            yield Condition(partial(_assigned_below, waiting, kind, len(starts)), subject=subject_id, **places, **ends)


def _assigned(waiting: bool, kind: str, **subjects: Any) -> Any:
    found = Assignee.select(Assignee.approval_id).where(_is(kind), Assignee.subject_id.in_(list(subjects.values())))
    return found.where(Assignee.is_open) if waiting else found


def _assigned_below(waiting: bool, kind: str, count: int, subject: Any, **places: Any) -> Any:
    """Of those whose project is below one of the places."""
    below = [(Node.path >= places[f"start{n}"]) & (Node.path < places[f"end{n}"]) for n in range(count)]
    nodes = Node.select(Node.id).where(_either(below))
    found = Assignee.select(Assignee.approval_id).join(Approval, on=(Approval.id == Assignee.approval_id))
    found = found.where(_is(kind), Assignee.subject_id == subject, Approval.project_id.in_(nodes))
    return found.where(Assignee.is_open) if waiting else found


def _either(conditions: Sequence[Any]) -> Any:
    first, *others = conditions
    for each in others:
        first |= each
    return first


def _is(kind: str) -> Any:
    return Assignee.type == _TYPES[kind]


def _ids(expression: Callable[..., Any], **binds: Any) -> Any:
    return Approval.select(Approval.id).where(expression(**binds))


def _in_union(queries: Sequence[Condition]) -> Condition:
    """The approvals whose ids one of the queries gives; of queries, ``|`` is the union."""
    union = any_of(*queries)
    return Condition(partial(_is_in, union.expression), True, **union.values)


def _is_in(union: Callable[..., Any], **binds: Any) -> Any:
    return Approval.id.in_(union(**binds))
