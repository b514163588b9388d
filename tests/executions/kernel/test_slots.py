"""Admission: how many at once, how many in a window, in which order, and what happens to the others."""

from typing import Any

import pytest

from aasim_plugins.executions.kernel.slots import (  # fmt: skip
    Admission,
    Answer,
    Explanation,
    Rule,
    Ticket,
    ask,
    explain,
    next_due,
    refresh,
    release,
)


class Limiter:
    """An admission with its rule; each call returns what it answers, as text."""

    def __init__(self, **rule: Any) -> None:
        self.state, self.rule = Admission(), Rule(**rule)

    def ask(self, *ids: str, at: int = 0, **ticket: Any) -> list[str]:
        return [answer for id_ in ids for answer in self._told(ask(self.state, self.rule, Ticket(id_, **ticket), at))]

    def release(self, *ids: str, at: int = 0) -> list[str]:
        return [answer for id_ in ids for answer in self._told(release(self.state, self.rule, id_, at))]

    def refresh(self, at: int) -> list[str]:
        return self._told(refresh(self.state, self.rule, at))

    def _told(self, decision: tuple[Admission, tuple[Answer, ...]]) -> list[str]:
        self.state, answers = decision
        return [f"{answer.verdict} {answer.ticket}" for answer in answers]


def test_without_a_limit_all_are_admitted() -> None:
    assert Limiter().ask("a", "b", "c") == ["admit a", "admit b", "admit c"]


def test_at_most_so_many_are_admitted_at_once_and_the_next_when_one_goes() -> None:
    limiter = Limiter(limit=2)
    assert limiter.ask("a", "b", "c", "d") == ["admit a", "admit b"]
    assert limiter.release("a") == ["admit c"]
    assert limiter.release("b", "c") == ["admit d"]


def test_a_limit_of_none_at_all_admits_none() -> None:
    assert Limiter(limit=0).ask("a") == []


def test_asking_twice_is_asking_once() -> None:
    limiter = Limiter(limit=1)
    assert limiter.ask("a", "a", "b", "b") == ["admit a"]
    assert [ticket.id for ticket in limiter.state.queued] == ["b"]


def test_giving_back_twice_admits_one_only() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a", "b", "c")
    assert limiter.release("a", "a") == ["admit b"]


def test_leaving_the_queue_admits_nobody() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a", "b", "c")
    assert limiter.release("b") == []
    assert limiter.release("a") == ["admit c"]


def test_a_full_queue_refuses() -> None:
    assert Limiter(limit=1, longest=2).ask("a", "b", "c", "d") == ["admit a", "refuse d"]


def test_a_refused_ticket_has_left_no_trace() -> None:
    limiter = Limiter(limit=1, policy="refuse")
    assert limiter.ask("a", "b") == ["admit a", "refuse b"]
    assert limiter.release("a") == []


def test_only_the_latest_waits() -> None:
    limiter = Limiter(limit=1, policy="latest_only")
    assert limiter.ask("a", "b", "c", "d") == ["admit a", "cancel b", "cancel c"]
    assert limiter.release("a") == ["admit d"]


def test_the_newest_is_cancelled_itself() -> None:
    limiter = Limiter(limit=1, policy="cancel_newest")
    assert limiter.ask("a", "b") == ["admit a", "cancel b"]
    assert limiter.release("a") == []


def test_the_oldest_is_cancelled_and_the_newest_admitted_when_it_has_gone() -> None:
    limiter = Limiter(limit=1, policy="cancel_oldest")
    assert limiter.ask("a", "b") == ["admit a", "cancel a"]
    assert limiter.release("a") == ["admit b"]


def test_the_oldest_is_cancelled_once_and_then_the_next_oldest() -> None:
    limiter = Limiter(limit=2, policy="cancel_oldest")
    assert limiter.ask("a", "b", "c", "d", "e") == ["admit a", "admit b", "cancel a", "cancel b", "cancel c"]
    assert limiter.release("a", "b") == ["admit d", "admit e"]


def test_a_rate_alone_cancels_nobody() -> None:
    assert Limiter(rate=1, window=60, policy="cancel_oldest").ask("a", "b") == ["admit a"]


def test_at_most_so_many_are_admitted_in_a_window() -> None:
    limiter = Limiter(rate=2, window=60)
    assert limiter.ask("a", at=0) + limiter.ask("b", "c", "d", at=10) == ["admit a", "admit b"]
    assert limiter.refresh(59) == []
    assert limiter.refresh(60) == ["admit c"]
    assert limiter.refresh(69) == []
    assert limiter.refresh(70) == ["admit d"]


def test_a_rate_is_not_given_back() -> None:
    limiter = Limiter(rate=1, window=60)
    limiter.ask("a", "b")
    assert limiter.release("a", at=30) == []


def test_a_clock_that_goes_back_admits_no_more_than_the_rate() -> None:
    limiter = Limiter(rate=1, window=60)
    assert limiter.ask("a", at=100) + limiter.ask("b", at=40) == ["admit a"]
    assert limiter.refresh(160) == ["admit b"]


def test_the_next_refresh_is_due_when_the_window_has_room() -> None:
    limiter = Limiter(rate=2, window=60)
    limiter.ask("a", at=5)
    limiter.ask("b", at=7)
    assert next_due(limiter.state, limiter.rule) is None
    limiter.ask("c", at=8)
    assert next_due(limiter.state, limiter.rule) == 65


@pytest.mark.parametrize("rule", [{"limit": 1}, {"limit": 1, "rate": 1, "window": 60}, {"limit": 1, "rate": 5, "window": 60}])
def test_no_refresh_is_due_where_only_a_release_helps(rule: dict[str, int]) -> None:
    limiter = Limiter(**rule)
    limiter.ask("a", "b")
    assert next_due(limiter.state, limiter.rule) is None


def test_a_rate_of_many_counts_the_latest_of_them() -> None:
    limiter = Limiter(rate=2, window=60)
    assert limiter.ask("a", at=100) + limiter.ask("b", at=90) == ["admit a", "admit b"]
    assert limiter.ask("c", at=149) == []
    assert limiter.refresh(150) == ["admit c"]
    assert limiter.ask("d", at=159) == []
    assert limiter.refresh(160) == ["admit d"]


def test_groups_take_turns_however_much_one_of_them_asks_for() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a1", "a2", "a3", "a4", group="a")
    limiter.ask("b1", "b2", group="b")
    limiter.ask("c1", group="c")
    assert limiter.release("a1", "a2", "b1", "c1", "a3", "b2") == [f"admit {id_}" for id_ in ("a2", "b1", "c1", "a3", "b2", "a4")]


def test_who_comes_late_does_not_make_up_for_the_time_before() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a1", "a2", "a3", group="a")
    limiter.release("a1", "a2")
    limiter.ask("a4", group="a")
    limiter.ask("b1", "b2", "b3", group="b")
    assert limiter.release("a3", "a4", "b1", "b2") == ["admit a4", "admit b1", "admit b2", "admit b3"]


def test_the_more_urgent_comes_first() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a", "b")
    limiter.ask("c", priority=1)
    assert limiter.release("a", "c") == ["admit c", "admit b"]


def test_a_more_urgent_one_does_not_take_turns_away_from_its_group() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a1", "a2", "a3", group="a")
    limiter.ask("x", group="x", priority=1)
    assert limiter.release("a1", "x") == ["admit x", "admit a2"]


def test_the_turns_of_a_group_do_not_depend_on_its_more_urgent_tickets() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a1", "a2", "a3", group="a")
    limiter.ask("a4", "a5", "a6", group="a", priority=1)
    limiter.ask("b1", group="b")
    assert limiter.release("a1", "a4", "a5", "a6", "a2") == [f"admit {id_}" for id_ in ("a4", "a5", "a6", "a2", "b1")]


def test_the_more_urgent_tickets_of_a_group_take_no_turns_of_its_others() -> None:
    limiter = Limiter(limit=1)
    limiter.ask("a1", "a2", "a3", group="a", priority=1)
    limiter.ask("a4", "a5", group="a")
    limiter.ask("b1", group="b")
    assert limiter.release("a1", "a2", "a3", "a4", "b1") == [f"admit {id_}" for id_ in ("a2", "a3", "a4", "b1", "a5")]


def test_a_ticket_is_told_what_it_waits_behind() -> None:
    limiter = Limiter(limit=1, rate=1, window=60)
    limiter.ask("a", "b", "c", "d")
    assert explain(limiter.state, limiter.rule, "d") == Explanation(("a",), ("b", "c"), None)
    limiter.release("a")
    assert explain(limiter.state, limiter.rule, "b") == Explanation((), (), 60)


def test_the_order_of_the_explanation_is_that_of_the_admission() -> None:
    limiter = Limiter(limit=0)
    limiter.ask("a1", "a2", group="a")
    limiter.ask("b1", group="b")
    assert explain(limiter.state, limiter.rule, "a2").ahead == ("a1", "b1")
