"""Change an admission key under its lock: the kernel decides, the rows are written, and runs are notified."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from aasim_core.data.records import database_of
from aasim_core.jobs.queue import enqueue

from ..kernel import slots
from ..kernel.slots import Admission, Answer, Decision, Rule, Ticket
from ..models import Execution
from . import arrivals, rows, tickets
from .admit import Admit
from .slot_records import TicketRow

#: The jobs that settle a key, for what could not be settled at once or is due later, and that cancel a run.
SETTLE, CANCEL = "executions.settle", "executions.cancel"
#: Why a run is cancelled, in words.
_REASONS: Mapping[str, str] = {
    "cancel": "It made room for another run: of these, not all are to run.",
    "refuse": "As many of these run as may at the same time, and no more of them may wait.",
}
#: An event of the kernel's that lacks the state, the rule and the time.
Change = Callable[[Admission, Rule, int], Decision]


def asking(execution: Execution, ticket_id: str) -> Change:
    """The execution asks with the ticket."""
    ticket = Ticket(ticket_id, Admit.of(execution).group, execution.priority)
    return lambda state, rule, at: slots.ask(state, rule, ticket, at)


def leaving(ticket_id: str) -> Change:
    """The ticket's run gives its slot back, or leaves the queue."""
    return lambda state, rule, at: slots.release(state, rule, ticket_id, at)


def change(key: str, changes: Sequence[Change], rule: Rule | None = None, *, new_rule: Rule | None = None) -> Sequence[Answer]:
    """Let the changes happen to the key. A `new_rule` counts from now on, and the `rule` where there is none."""
    stored = tickets.load(key)
    rule = new_rule or stored.rule or rule
    if rule is None:
        return ()
    at = rows.milliseconds(database_of(TicketRow).time()) or 0 if rule.rate else rows.present()
    is_full = rule.limit is not None and len(stored.state.held) >= rule.limit
    state = tickets.without_unwanted(stored.state) if is_full or not changes else stored.state
    answers: tuple[Answer, ...] = ()
    for happen in changes or [slots.refresh]:
        state, more = happen(state, rule, at)
        answers += more
    tickets.write(key, stored, state, rule, at)
    if (due := tickets.due(state, rule)) is not None:
        enqueue(SETTLE, {"key": key, "ticket_id": None}, run_at=rows.moment_of(due), unique_key=key)
    return answers


def deliver(answers: Iterable[Answer]) -> None:
    """Tell runs that they are admitted, or cancel them, after the running transaction."""
    for answer in answers:
        execution_id = tickets.execution_of(answer.ticket)
        if answer.verdict == "admit":
            arrivals.send(execution_id, "admission", answer.ticket, key=answer.ticket)
        else:
            enqueue(CANCEL, {"execution_id": execution_id, "reason": _REASONS[answer.verdict]}, unique_key=execution_id)


def leave_to_job(key: str, ticket_id: str) -> None:
    """Have a job see what the ticket stands for by then, in a transaction of its own."""
    enqueue(SETTLE, {"key": key, "ticket_id": ticket_id}, unique_key=ticket_id)
