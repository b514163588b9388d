"""Contention for one admission: many ask, hold a slot for a while and release it, under each rule, from one seed."""

import random
from collections import Counter
from typing import Any

from aasim_plugins.executions.kernel.slots import Admission, Rule, Ticket

from ..faults import Kernel
from .change import Violation

#: How often somebody does something.
ACTIONS = 40
_RULES = (
    Rule(limit=1),
    Rule(limit=3),
    Rule(limit=2, longest=3),
    Rule(limit=2, policy="refuse"),
    Rule(limit=1, policy="latest_only"),
    Rule(limit=2, policy="cancel_oldest"),
    Rule(limit=2, policy="cancel_newest"),
    Rule(rate=2, window=30),
    Rule(limit=3, rate=2, window=30),
)


class Contention:
    """The admission, what it has answered, and what it must never answer."""

    def __init__(self, kernel: Kernel, rule: Rule) -> None:
        self.kernel, self.rule, self.state, self.now = kernel, rule, Admission(), 0
        self.admitted: list[int] = []
        self.cancelled: set[str] = set()
        self.overtaken: Counter[tuple[str, str]] = Counter()

    def ask(self, ticket: Ticket) -> None:
        """Somebody asks."""
        before = len(self.state.queued)
        answers = self._follow(self.kernel.ask(self.state, self.rule, ticket, self.now))
        if self.rule.policy == "queue" and any(answer.verdict == "refuse" for answer in answers):
            self.require("a_queue_refuses_only_when_it_is_full", before == self.rule.longest)
        if self.rule.policy == "latest_only" and ticket.id not in [held.id for held in self.state.held]:
            self.require("only_the_latest_waits", [waiting.id for waiting in self.state.queued] == [ticket.id])
        if self.rule.policy in ("refuse", "cancel_newest"):
            self.require("nobody_waits_who_need_not", not self.state.queued)

    def release(self, ticket_id: str) -> None:
        """Somebody releases a slot, or leaves the queue."""
        self._follow(self.kernel.release(self.state, self.rule, ticket_id, self.now))

    def wait(self, milliseconds: int) -> None:
        """Time passes, and the admission is asked when it says that it is due."""
        until = self.now + milliseconds
        while (due := self.kernel.next_due(self.state, self.rule)) is not None and due <= until:
            self._follow(self.kernel.refresh(self.state, self.rule, due - 1))
            before, self.now = len(self.admitted), due
            self._follow(self.kernel.refresh(self.state, self.rule, due))
            self.require("somebody_is_admitted_when_it_is_due_and_not_before", len(self.admitted) > before)
        self.now = until
        before = len(self.admitted)
        self._follow(self.kernel.refresh(self.state, self.rule, until))
        self.require("nobody_is_admitted_when_it_is_not_due", len(self.admitted) == before)

    def _follow(self, decision: Any) -> Any:
        waiting = self.state.queued
        self.state, answers = decision
        for number, answer in enumerate(answers, start=1):
            if answer.verdict == "admit":
                self.admitted.append(self.now)
                self._count(answer.ticket, waiting, {later.ticket for later in answers[number:]})
            if answer.verdict == "cancel":
                self.require("nobody_is_cancelled_twice", answer.ticket not in self.cancelled)
                self.cancelled.add(answer.ticket)
        self._check()
        return answers

    def _count(self, ticket_id: str, waiting: tuple[Ticket, ...], later: set[str]) -> None:
        """Count whom the admitted ticket has overtaken: the first tickets of other groups, those that are answered `later` among them."""
        [admitted] = [ticket for ticket in (*self.state.held, *waiting) if ticket.id == ticket_id][:1]
        queued = (*(ticket for ticket in waiting if ticket.id in later), *self.state.queued)
        for ticket in queued:
            self.require("the_most_urgent_come_first", ticket.priority <= admitted.priority)
            is_first = all(other.round >= ticket.round for other in queued if other.group == ticket.group)
            if is_first and ticket.group != admitted.group and ticket.priority == admitted.priority:
                self.overtaken[ticket.id, admitted.group] += 1
                self.require("no_group_is_kept_waiting_by_another", self.overtaken[ticket.id, admitted.group] <= 2)

    def _check(self) -> None:
        rule, held = self.rule, len(self.state.held)
        self.require("no_more_are_admitted_than_the_limit", rule.limit is None or held <= rule.limit)
        if rule.rate is not None:
            pairs = zip(self.admitted, self.admitted[rule.rate :], strict=False)
            self.require("no_more_are_admitted_than_the_rate", all(late - early >= rule.window for early, late in pairs))
        else:
            is_free = rule.limit is None or held < rule.limit
            self.require("no_slot_is_free_while_somebody_waits", not (is_free and self.state.queued))

    def require(self, invariant: str, holds: bool) -> None:
        """Raises Violation unless it holds."""
        if not holds:
            raise Violation(invariant, self.state)


def contend(seed: int, kernel: Kernel) -> None:
    """Let tickets come and go. Raises Violation."""
    chance = random.Random(seed)  # noqa: S311 - the seed is what makes it replayable
    contention = Contention(kernel, chance.choice(_RULES))
    urgency = chance.choice((0, 0, 2))
    for number in range(ACTIONS):
        action = chance.random()
        if action < 0.6:
            group, burst = chance.choice("aaab"), chance.choice((1, 1, 4))
            for item in range(burst):
                contention.ask(Ticket(f"{group}{number}.{item}", group, chance.randint(0, urgency)))
        elif action < 0.9 and contention.state.held:
            contention.release(chance.choice(contention.state.held).id)
        else:
            contention.wait(chance.randint(0, 40))
