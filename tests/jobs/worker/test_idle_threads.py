"""Idle threads of a worker are woken one by one, the one that worked last first, and no ring is lost."""

import threading
from collections.abc import Iterator

import pytest

from aasim_core.worker.idle_threads import IdleThreads


class Sleepers:
    """Threads that sleep one after the other, and say their number when they are woken."""

    def __init__(self) -> None:
        self.idle_threads = IdleThreads()
        self._woken: list[int] = []
        self._said = threading.Semaphore(0)

    def send_to_sleep(self, number: int) -> None:
        """Start a thread; return when it sleeps."""
        before = len(self.idle_threads._idle)
        threading.Thread(target=self._sleep, args=(number,), daemon=True).start()
        while len(self.idle_threads._idle) == before:
            threading.Event().wait(0.001)

    def _sleep(self, number: int) -> None:
        self.idle_threads.wait()
        self._woken.append(number)
        self._said.release()

    def woken(self, count: int) -> list[int]:
        """The numbers of those that were woken, as soon as there are so many."""
        for _ in range(count):
            assert self._said.acquire(timeout=60)
        return self._woken


@pytest.fixture
def sleepers() -> Iterator[Sleepers]:
    """Nobody yet; whoever still sleeps in the end is woken."""
    sleepers = Sleepers()
    yield sleepers
    sleepers.idle_threads.close()


def test_who_fell_asleep_last_is_woken_first(sleepers: Sleepers) -> None:
    for number in range(3):
        sleepers.send_to_sleep(number)
    for _ in range(2):
        sleepers.idle_threads.notify()
        sleepers.woken(1)
    assert sleepers._woken == [2, 1]


def test_a_ring_that_nobody_hears_is_kept(sleepers: Sleepers) -> None:
    sleepers.idle_threads.notify()
    sleepers.idle_threads.wait()
    sleepers.send_to_sleep(1)
    assert sleepers._woken == []


def test_however_often_it_is_rung_while_all_are_busy_one_thread_looks(sleepers: Sleepers) -> None:
    for _ in range(9):
        sleepers.idle_threads.notify()
    sleepers.idle_threads.wait()
    sleepers.send_to_sleep(1)
    assert sleepers._woken == []


def test_a_ring_that_was_kept_is_answered_by_who_looks_for_work(sleepers: Sleepers) -> None:
    sleepers.idle_threads.notify()
    sleepers.idle_threads.clear()
    sleepers.send_to_sleep(1)
    assert sleepers._woken == []


def test_nobody_sleeps_once_it_is_closed(sleepers: Sleepers) -> None:
    for number in range(2):
        sleepers.send_to_sleep(number)
    sleepers.idle_threads.close()
    assert sorted(sleepers.woken(2)) == [0, 1]
    sleepers.idle_threads.wait()


def test_how_many_are_idle_is_told(sleepers: Sleepers) -> None:
    assert sleepers.idle_threads.wait_for_idle(0.01) == 0
    sleepers.send_to_sleep(1)
    assert sleepers.idle_threads.wait_for_idle(10)
