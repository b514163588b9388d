"""Decide admission: concurrent holders, holders in a time window, and the next in the queue.

One state for each (organization, key). Slots go to tickets by priority, then to groups in turn (fair queuing: one ticket of each group a
round), then by arrival.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` at the same time, at most `rate`, from 1, admitted in any `window` of milliseconds; None is no limit.

    A ticket that finds no free slot is queued, at most `longest` of them (``queue``), refused (``refuse``), queued while all others in the
    queue are cancelled (``latest_only``), queued while the oldest that holds or awaits a slot is cancelled (``cancel_oldest``), or
    cancelled itself (``cancel_newest``).
    """

    limit: int | None = None
    policy: Literal["queue", "refuse", "latest_only", "cancel_oldest", "cancel_newest"] = "queue"
    longest: int | None = None
    rate: int | None = None
    window: int = 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request for a slot; groups take turns. `ask` sets the `round`; a ticket that `is_leaving` holds its slot, and was cancelled."""

    id: str
    group: str = ""
    priority: int = 0
    round: int = 0
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The tickets that hold a slot, those that await one, both oldest first, and the times of the last admissions, sorted."""

    held: tuple[Ticket, ...] = ()
    queued: tuple[Ticket, ...] = ()
    recent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision on a ticket."""

    ticket: str
    verdict: Literal["admit", "refuse", "cancel"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a ticket waits behind: the holders of slots, the tickets `ahead`, and the rate, which allows no admission `until` then."""

    held: tuple[str, ...]
    ahead: tuple[str, ...]
    until: int | None


Decision = tuple[Admission, tuple[Answer, ...]]


def ask(state: Admission, rule: Rule, ticket: Ticket, at: int) -> Decision:
    """Ask for a slot. Asking again changes nothing."""
    if ticket.id in _ids((*state.held, *state.queued)):
        return state, ()
    ticket = replace(ticket, round=_round(state, ticket))
    state, answers = refresh(replace(state, queued=(*state.queued, ticket)), rule, at)
    if ticket not in state.queued:
        return state, answers
    state, more = _POLICIES[rule.policy](state, rule, ticket)
    return state, answers + more


def release(state: Admission, rule: Rule, ticket_id: str, at: int) -> Decision:
    """Release a slot, or leave the queue. An unknown ticket changes nothing."""
    return refresh(replace(state, held=_without(state.held, ticket_id), queued=_without(state.queued, ticket_id)), rule, at)


def refresh(state: Admission, rule: Rule, at: int) -> Decision:
    """Admit the tickets that limit and rate allow by now."""
    answers: tuple[Answer, ...] = ()
    while state.queued and _has_slot(state, rule) and _free_at(state, rule) <= at:
        first = _in_order(state)[0]
        recent = () if rule.rate is None else tuple(sorted((*state.recent, at))[-rule.rate :])
        state = Admission((*state.held, first), _without(state.queued, first.id), recent)
        answers += (Answer(first.id, "admit"),)
    return state, answers


def next_due(state: Admission, rule: Rule) -> int | None:
    """When the next `refresh` can admit a ticket; None where only a release can."""
    return _free_at(state, rule) if state.queued and _has_slot(state, rule) else None


def explain(state: Admission, rule: Rule, ticket_id: str) -> Explanation:
    """Why a queued ticket is not admitted yet."""
    order = _ids(_in_order(state))
    return Explanation(_ids(state.held), order[: order.index(ticket_id)], next_due(state, rule))


def _round(state: Admission, ticket: Ticket) -> int:
    """The round after the last one of its group; for a group that did not wait, the first in which tickets of its priority wait."""
    peers = [other for other in state.queued if other.priority == ticket.priority]
    own = [other.round for other in peers if other.group == ticket.group]
    return max(own) + 1 if own else min((other.round for other in peers), default=1)


def _has_slot(state: Admission, rule: Rule) -> bool:
    return rule.limit is None or len(state.held) < rule.limit


def _free_at(state: Admission, rule: Rule) -> int:
    """When the rate allows the next admission, also where the clock goes back meanwhile; 0 for at once."""
    if rule.rate is None or len(state.recent) < rule.rate:
        return 0
    return state.recent[-rule.rate] + rule.window


def _in_order(state: Admission) -> list[Ticket]:
    return sorted(state.queued, key=lambda ticket: (-ticket.priority, ticket.round))


def _ids(tickets: Sequence[Ticket]) -> tuple[str, ...]:
    return tuple(ticket.id for ticket in tickets)


def _without(tickets: tuple[Ticket, ...], *ids: str) -> tuple[Ticket, ...]:
    return tuple(ticket for ticket in tickets if ticket.id not in ids)


# Policies, for a ticket that found no free slot.


def _queue(state: Admission, rule: Rule, ticket: Ticket) -> Decision:
    is_full = rule.longest is not None and len(state.queued) > rule.longest
    return _refuse(state, rule, ticket) if is_full else (state, ())


def _refuse(state: Admission, _: Rule, ticket: Ticket) -> Decision:
    return replace(state, queued=_without(state.queued, ticket.id)), (Answer(ticket.id, "refuse"),)


def _latest_only(state: Admission, _: Rule, ticket: Ticket) -> Decision:
    return _cancel(state, tuple(other for other in state.queued if other is not ticket))


def _cancel_oldest(state: Admission, rule: Rule, _: Ticket) -> Decision:
    """Cancel as many of the oldest as leaves a slot for each of the others."""
    staying = [ticket for ticket in (*state.held, *state.queued) if not ticket.is_leaving]
    return _cancel(state, staying[: len(staying) - (rule.limit or len(staying))])


def _cancel_newest(state: Admission, _: Rule, ticket: Ticket) -> Decision:
    return _cancel(state, (ticket,))


def _cancel(state: Admission, tickets: Sequence[Ticket]) -> Decision:
    """Tickets in the queue leave it; tickets that hold a slot keep it until it is released."""
    ids = _ids(tickets)
    held = tuple(replace(ticket, is_leaving=ticket.is_leaving or ticket.id in ids) for ticket in state.held)
    return replace(state, held=held, queued=_without(state.queued, *ids)), tuple(Answer(id_, "cancel") for id_ in ids)


_POLICIES: Mapping[str, Callable[[Admission, Rule, Ticket], Decision]] = {
    "queue": _queue,
    "refuse": _refuse,
    "latest_only": _latest_only,
    "cancel_oldest": _cancel_oldest,
    "cancel_newest": _cancel_newest,
}
