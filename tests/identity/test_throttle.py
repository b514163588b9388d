"""Failures cost time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from aasim_core.context import system_scope
from aasim_core.errors import Refused
from aasim_core.identity.records import Throttle
from aasim_core.identity.throttle import Bucket, count_failure, forget, forget_old, require_patience

ACCOUNT = Bucket("failed_logins", "account", ("ada@example.com",), 3)
NETWORK = Bucket("failed_logins", "network", ("192.0.2.0/24",), 5)


@pytest.fixture(autouse=True)
def _scope(app: Any) -> Iterator[None]:
    with system_scope("test"):
        yield


def fail(app: Any, *buckets: Bucket) -> None:
    with app.database.transaction():
        count_failure(buckets, 900)


def wait_of(*buckets: Bucket) -> int:
    try:
        require_patience(buckets)
    except Refused as refusal:
        return refusal.retry_after or -1
    return 0


def test_each_failure_after_the_free_ones_doubles_the_wait(app: Any) -> None:
    waits = []
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        for _ in range(16):
            fail(app, ACCOUNT)
            waits.append(wait_of(ACCOUNT))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]


def test_the_refusal_says_how_long_to_wait(app: Any) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        for _ in range(5):
            fail(app, ACCOUNT)
        with pytest.raises(Refused) as caught:
            require_patience([NETWORK, ACCOUNT])
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (429, "too_many_attempts", 4)
    assert caught.value.problems["_"][0].meta == {
        "limit": "failed_logins", "scope": "account", "scope_id": "ada@example.com", "used": 5, "max": 3,
        "resets_at": "2026-01-31T09:00:04.000Z",
    }  # fmt: skip


def test_the_wait_passes(app: Any) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        for _ in range(5):
            fail(app, ACCOUNT)
        clock.shift(3.999)
        assert wait_of(ACCOUNT) == 1
        clock.shift(0.001)
        assert wait_of(ACCOUNT) == 0


def test_failures_are_forgotten_after_the_window(app: Any) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        for _ in range(5):
            fail(app, ACCOUNT)
        clock.shift(901)
        fail(app, ACCOUNT)
        assert wait_of(ACCOUNT) == 0
        assert Throttle.get_by_id(ACCOUNT.id).failures == 1


def test_buckets_are_counted_apart_and_the_longest_wait_counts(app: Any) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        for _ in range(5):
            fail(app, ACCOUNT, NETWORK)
        assert (wait_of(ACCOUNT), wait_of(NETWORK), wait_of(ACCOUNT, NETWORK)) == (4, 1, 4)
        assert wait_of(Bucket("failed_logins", "account", ("eve@example.com",), 3)) == 0


def test_a_success_forgets_the_failures_of_its_bucket(app: Any) -> None:
    for _ in range(5):
        fail(app, ACCOUNT, NETWORK)
    with app.database.transaction():
        forget([ACCOUNT])
    assert (wait_of(ACCOUNT), wait_of(NETWORK)) == (0, 1)


@pytest.mark.long
def test_failures_at_the_same_time_are_all_counted(app: Any) -> None:
    def race() -> None:
        with app.database.connected(), system_scope("test"):
            fail(app, NETWORK, ACCOUNT)

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(race) for _ in range(48)]:
            future.result()
    assert [Throttle.get_by_id(bucket.id).failures for bucket in (ACCOUNT, NETWORK)] == [48, 48]


def test_what_is_counted_is_not_kept_in_the_clear_and_parts_do_not_run_together(app: Any) -> None:
    fail(app, ACCOUNT)
    assert "ada" not in str(Throttle.get().__data__)
    assert Bucket("a", "b", ("c", "de"), 1).id != Bucket("a", "b", ("cd", "e"), 1).id


def test_old_counters_are_removed(app: Any) -> None:
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False):
        fail(app, ACCOUNT)
    fail(app, NETWORK)
    with app.database.transaction():
        assert forget_old(Throttle.get_by_id(NETWORK.id).last_failure_at) == 1
    assert [row.id for row in Throttle.select()] == [NETWORK.id]
