"""One webhook has a part of a worker's threads: a slow receiver leaves the others to everybody else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aasim_core.app import App
from aasim_core.testing.peer import Peer
from aasim_plugins.webhooks.delivery import lanes

from ...executions.passing_time import make_due
from ..conftest import Hooks

_WEBHOOK = "webhook_of_nobody"


@pytest.fixture
def four() -> Iterator[str]:
    """Four attempts of a webhook that are under way, of which the last one took a second."""
    assert [lanes.enter(_WEBHOOK, 4) for _ in range(4)] == [None] * 4
    lanes.leave(_WEBHOOK, 1)
    assert lanes.enter(_WEBHOOK, 4) is None
    yield _WEBHOOK
    for _ in range(4):
        lanes.leave(_WEBHOOK, 1)


def test_those_that_wait_get_turns_after_each_other(four: str) -> None:
    waits = [lanes.enter(four, 4) for _ in range(3)]
    assert waits == pytest.approx([0.25, 0.5, 0.75], abs=0.2)
    assert lanes.enter("webhook_of_another", 4) is None
    lanes.leave("webhook_of_another", 1)


def test_a_turn_is_as_long_as_the_last_attempt_took(four: str) -> None:
    lanes.leave(four, 10)
    assert lanes.enter(four, 4) is None
    assert lanes.enter(four, 4) == pytest.approx(2.5, abs=0.2)


@pytest.mark.parametrize(("took", "longest"), [(1, 15), (10, 60)])
def test_nobody_is_sent_away_for_longer_than_six_attempts_take_or_fifteen_seconds(four: str, took: float, longest: float) -> None:
    lanes.leave(four, took)
    assert lanes.enter(four, 4) is None
    waits = [lanes.enter(four, 4) or 0 for _ in range(100)][-30:]
    assert longest / 2 <= min(waits) < max(waits) <= longest + 1


def test_a_webhook_that_answers_fast_is_waited_for(four: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_SHORT_SECONDS", 60.0)
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(lanes.enter, four, 4) for _ in range(3)]
        for _ in range(3):
            lanes.leave(four, 0.004)
        assert [each.result(60) for each in waiting] == [None] * 3


def test_a_webhook_that_was_fast_and_hangs_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "_SHORT_SECONDS", 0.2)
    assert lanes.enter("hangs", 1) is None
    turns = [lanes.enter("hangs", 1) for _ in range(3)]
    assert all(turn is not None and turn >= 0.2 for turn in turns)
    lanes.leave("hangs", 1)


def test_what_is_too_much_for_one_webhook_waits_and_is_sent_when_there_is_room(
    app: App, hooks: Hooks, receiver: Peer, work: Callable[[], int]
) -> None:
    webhook = hooks.make()
    most = app.settings.worker.threads // 4
    for _ in range(most):
        lanes.enter(webhook["id"], most)
    hooks.happen()
    work()
    assert (receiver.bodies, hooks.delivery(webhook)["attempts"]) == ([], 0)
    for _ in range(most):
        lanes.leave(webhook["id"], 1)
    make_due(app)
    work()
    assert hooks.delivery(webhook)["status"] == "delivered"
