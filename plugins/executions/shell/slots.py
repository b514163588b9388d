"""Acquire, hold and release the slots of a key for the runs of an organization.

There is one order of locks, so that nobody waits for somebody who waits for them: first rows of runs, then keys, in the order of their
names. What runs ask for and give back is therefore settled at the end of the transaction, key by key. Only a start is answered at once, and
has the lock of its key from then on: its transaction changes no run any more, but for a parent whose row it has changed before; of a key
that comes earlier in the order it only tries to get the lock, and leaves the rest to a job where somebody else has it. The holder of a
key's lock writes no run but the requesting one: others are sent an arrival, and jobs cancel them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from aasim_core.context import current_organization, organization_scope
from aasim_core.data.records import database_of

from ..kernel.events import Delivered
from ..kernel.slots import Answer
from ..kernel.state import RUN, Arrival, State, Wait
from ..models import Execution
from . import keys, rows, tickets
from .admit import Admit
from .slot_records import TicketRow


class Asking(Protocol):
    """A run that requests a slot, as far as needed here."""

    @property
    def record(self) -> Execution:
        """Its record."""

    @property
    def state(self) -> State:
        """Where it stands."""

    def apply(self, *happened: Delivered) -> object:
        """Let the events happen to the run, in the running transaction."""


def ask_at_start(execution: Execution, ticket_id: str) -> bool:
    """Whether a new run, which is not written yet, is admitted at once; Refused ``too_many_at_once``."""
    admit = Admit.of(execution)
    if not _settlement().take(admit.key):
        keys.leave_to_job(admit.key, ticket_id)
        return False
    answers = keys.change(admit.key, [keys.asking(execution, ticket_id)], new_rule=admit.rule)
    verdict = next((answer.verdict for answer in answers if answer.ticket == ticket_id), None)
    if verdict == "refuse":
        raise admit.refusal()
    keys.deliver(answer for answer in answers if answer != Answer(ticket_id, "admit"))
    return verdict == "admit"


def ask(run: Asking, ticket_id: str) -> None:
    """Request the slot that the run needs, at the end of the running transaction."""
    _settlement().put_off(run.record, ticket_id, run)


def release(run: Asking, ticket_id: str) -> None:
    """Let the run give its slot back, or leave the queue, at the end of the running transaction."""
    _settlement().put_off(run.record, ticket_id, None)


def settle(key: str, ticket_id: str | None, find: Callable[[str], Asking | None]) -> None:
    """Settle a key in a transaction of its own: what the ticket, if one is named, stands for by now, and what is due."""
    _settlement().take(key)
    run = None if ticket_id is None else find(tickets.execution_of(ticket_id))
    if ticket_id is None or (run is not None and run.state.ticket == ticket_id):
        keys.deliver(keys.change(key, []))
    elif run is not None and run.state.waits.get(RUN) == Wait("admission", ticket_id):
        keys.deliver(keys.change(key, [keys.asking(run.record, ticket_id)], Admit.of(run.record).rule))
    else:
        keys.deliver(keys.change(key, [keys.leaving(ticket_id)]))


def arrival(ticket_id: str) -> Arrival:
    """What tells the run that asks with the ticket that it is admitted."""
    return Arrival(ticket_id, "admission", ticket_id, rows.present())


class Settlement:
    """The requests and releases of a transaction's runs; called at its end."""

    def __init__(self) -> None:
        self._taken: list[tuple[str, str]] = []
        self._put_off: dict[tuple[str, str], list[tuple[str, Asking | None]]] = defaultdict(list)

    def put_off(self, execution: Execution, ticket_id: str, run: Asking | None) -> None:
        """Settle it at the end: the `run` asks with the ticket, or None does any more."""
        self._put_off[execution.organization_id, Admit.of(execution).key].append((ticket_id, run))

    def take(self, key: str) -> bool:
        """Get the lock of the key; False where that comes earlier in the order than another one, and somebody else has it."""
        place = current_organization(), key
        database, name = database_of(TicketRow), f"executions/admission/{'/'.join(place)}"
        if place in self._taken:
            return True
        if not self._taken or place > max(self._taken):
            database.lock(name)
        elif not database.try_lock(name):
            return False
        self._taken.append(place)
        return True

    def __call__(self) -> None:
        """Settle what was put off, and what follows from that."""
        while self._put_off:
            organization_id, key = first = min(self._put_off)
            with organization_scope(organization_id):
                self._settle(key, self._put_off.pop(first))

    def _settle(self, key: str, requests: Sequence[tuple[str, Asking | None]]) -> None:
        if not self.take(key):
            for ticket_id, _ in requests:
                keys.leave_to_job(key, ticket_id)
            return
        runs = {ticket_id: run for ticket_id, run in requests if run is not None}
        rule = next((Admit.of(run.record).rule for run in runs.values()), None)
        changes = [keys.asking(run.record, ticket_id) if run else keys.leaving(ticket_id) for ticket_id, run in requests]
        for answer in keys.change(key, changes, rule):
            if answer.verdict == "admit" and answer.ticket in runs:
                runs[answer.ticket].apply(Delivered((arrival(answer.ticket),)))
            else:
                keys.deliver([answer])


def _settlement() -> Settlement:
    at_end = database_of(TicketRow).current_transaction().at_end
    return cast(Settlement, at_end.setdefault(__name__, Settlement()))
