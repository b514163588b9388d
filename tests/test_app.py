"""What plugins keep with the app: made once for each, and nowhere else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from aasim_core import Kept
from aasim_core.app import Stash


def stash(app: Any = None) -> Stash:
    return Stash(app)


def test_what_is_kept_is_made_with_the_app_and_once() -> None:
    key: Kept[list[str]] = Kept(lambda app: [str(app)])
    kept = stash("the app")
    kept.of(key).append("more")
    assert kept.of(key) == ["the app", "more"]


def test_each_app_keeps_its_own() -> None:
    key: Kept[list[str]] = Kept(lambda app: [])
    first, second = stash(), stash()
    first.of(key).append("mine")
    assert second.of(key) == []


def test_two_keys_that_make_the_same_keep_two() -> None:
    one, other = Kept(lambda app: object()), Kept(lambda app: object())
    kept = stash()
    assert kept.of(one) is not kept.of(other)


def test_what_is_made_may_ask_for_something_else_that_is_kept() -> None:
    names = Kept(lambda app: ["Ada"])
    kept = stash()
    greeting = Kept(lambda app: f"Hello {kept.of(names)[0]}")
    assert kept.of(greeting) == "Hello Ada"


def test_nothing_is_found_before_somebody_asked_for_it() -> None:
    key = Kept(lambda app: "something")
    kept = stash()
    assert kept.find(key) is None
    kept.of(key)
    assert kept.find(key) == "something"


def test_threads_that_ask_at_once_get_the_same() -> None:
    numbers: Iterator[int] = iter(range(8))
    key, kept, together = Kept(lambda app: next(numbers)), stash(), Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        return kept.of(key)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {0}


def test_what_cannot_be_made_is_made_the_next_time() -> None:
    attempts = iter([ZeroDivisionError, None])

    def make(app: Any) -> str:
        if next(attempts):
            raise ZeroDivisionError
        return "made"

    key, kept = Kept(make), stash()
    try:
        kept.of(key)
    except ZeroDivisionError:
        assert kept.find(key) is None
    assert kept.of(key) == "made"
