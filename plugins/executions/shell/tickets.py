"""The tickets of an admission key, between rows and the kernel's values."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import count
from typing import Any, NamedTuple

import orjson
from peewee import JOIN

from aasim_core.context import current_organization
from aasim_core.data.compiled import compiled, numbered, one_of
from aasim_core.data.records import insert_rows
from aasim_core.data.statements import Bind
from aasim_core.text.json import to_json

from ..kernel.slots import Admission, Rule, Ticket, next_due
from ..models import Execution
from .slot_records import AdmissionRow, TicketRow

#: For so long after the last admission that counts, in milliseconds, its time is kept: clocks go back.
_KEPT = 3_600_000


class Stored(NamedTuple):
    """What the database has of a key: its state, no rule where it has nothing, and the numbers that order its tickets."""

    state: Admission
    rule: Rule | None
    numbers: Mapping[str, int]


def load(key: str) -> Stored:
    """What the database has of the key; to write it, hold its lock."""
    found = _of_key.all(key=key)
    if not found:
        return Stored(Admission(), None, {})
    there = [(_ticket_of(*row[4:]), row[2], row[3]) for row in found if row[2] is not None]
    held = tuple(ticket for ticket, _, is_held in there if is_held)
    queued = tuple(ticket for ticket, _, is_held in there if not is_held)
    rule, recent = (orjson.loads(text) for text in found[0][:2])
    return Stored(Admission(held, queued, tuple(recent)), Rule(**rule), {ticket.id: number for ticket, number, _ in there})


def _ticket_of(id_: str, group: str, priority: int, round_: int, is_leaving: Any) -> Ticket:
    return Ticket(id_, group, priority, round_, bool(is_leaving))


@compiled(AdmissionRow)
def _of_key() -> Any:
    known = AdmissionRow.rule, AdmissionRow.recent, TicketRow.number, TicketRow.is_held
    ticket = TicketRow.id, TicketRow.group_name, TicketRow.priority, TicketRow.round, TicketRow.is_leaving
    query = AdmissionRow.select(*known, *ticket)
    query = query.join_from(AdmissionRow, TicketRow, JOIN.LEFT_OUTER, on=(TicketRow.key == AdmissionRow.key))
    return query.where(AdmissionRow.key == Bind("key")).order_by(TicketRow.number)


def without_unwanted(state: Admission) -> Admission:
    """The state without slots that their runs do not hold: which are gone, over, or have another one.

    A worker of the release before this one gives none back, and notes none.
    """
    if not state.held:
        return state
    ids = numbered("id", {execution_of(ticket.id) for ticket in state.held})
    found = _runs.all(len(ids), **ids)
    wanted = {name for id_, holds, job in found for name in (holds, f"{id_}/{job}")}
    return replace(state, held=tuple(ticket for ticket in state.held if ticket.id in wanted))


@compiled(Execution)
def _runs(size: int) -> Any:
    """What unended runs hold, and would request with, in the kernel's terms."""
    known = Execution.select(Execution.id, Execution.ticket, Execution.job)
    return known.where(one_of(Execution.id, "id", size), Execution.finished_at.is_null())


def write(key: str, stored: Stored, after: Admission, rule: Rule, at: int) -> None:
    """Write what differs from what the database has of the key; nothing is left of one that nobody asks for."""
    _write_tickets(key, stored, after)
    if not (after.held or after.queued) and _forgotten_at(after, rule) <= at:
        _without_key.later(key=key)
    elif stored.rule is None:
        organization_id = current_organization()
        insert_rows(AdmissionRow, [AdmissionRow(organization_id=organization_id, key=key, **_known(rule, after)).row()])
    elif (stored.rule, stored.state.recent) != (rule, after.recent):
        _other.later(key=key, **{name: to_json(value).decode() for name, value in _known(rule, after).items()})


def due(state: Admission, rule: Rule) -> int | None:
    """When there is something to do for the key, though nobody asks for it or gives it back: a slot for somebody, or to forget it."""
    is_over = not (state.held or state.queued) and state.recent
    return _forgotten_at(state, rule) if is_over else next_due(state, rule)


def _forgotten_at(state: Admission, rule: Rule) -> int:
    return state.recent[-1] + rule.window + _KEPT if state.recent else 0


def _known(rule: Rule, state: Admission) -> dict[str, Any]:
    return {"rule": asdict(rule), "recent": list(state.recent)}


def _write_tickets(key: str, stored: Stored, after: Admission) -> None:
    before = {ticket.id: ticket for ticket in (*stored.state.held, *stored.state.queued)}
    for ticket_id in before.keys() - {ticket.id for ticket in (*after.held, *after.queued)}:
        _without_ticket.later(key=key, id=ticket_id)
    held, next_number = {ticket.id for ticket in stored.state.held}, count(max(stored.numbers.values(), default=0) + 1)
    for ticket in after.held:
        if ticket.id not in before:
            _insert(key, ticket, next(next_number), is_held=True)
        elif ticket.id not in held or ticket != before[ticket.id]:
            number = stored.numbers[ticket.id] if ticket.id in held else next(next_number)
            _held.later(key=key, id=ticket.id, number=number, is_leaving=ticket.is_leaving)
    for ticket in after.queued:
        if ticket.id not in before:
            _insert(key, ticket, next(next_number), is_held=False)


def _insert(key: str, ticket: Ticket, number: int, *, is_held: bool) -> None:
    row = {
        "organization_id": current_organization(), "key": key, "id": ticket.id, "execution_id": execution_of(ticket.id),
        "group_name": ticket.group, "priority": ticket.priority, "round": ticket.round, "number": number, "is_held": is_held,
        "is_leaving": ticket.is_leaving,
    }  # fmt: skip
    insert_rows(TicketRow, [row])


def execution_of(ticket_id: str) -> str:
    """The run that asks with the ticket; the kernel names tickets so."""
    return ticket_id.partition("/")[0]


@compiled(TicketRow)
def _held() -> Any:
    entered = TicketRow.update(is_held=True, number=Bind("number"), is_leaving=Bind("is_leaving"))
    return entered.where(TicketRow.key == Bind("key"), TicketRow.id == Bind("id"))


@compiled(TicketRow)
def _without_ticket() -> Any:
    return TicketRow.delete().where(TicketRow.key == Bind("key"), TicketRow.id == Bind("id"))


@compiled(AdmissionRow)
def _without_key() -> Any:
    return AdmissionRow.delete().where(AdmissionRow.key == Bind("key"))


@compiled(AdmissionRow)
def _other() -> Any:
    return AdmissionRow.update(rule=Bind("rule"), recent=Bind("recent")).where(AdmissionRow.key == Bind("key"))
