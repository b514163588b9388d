"""A worker remembers where jobs wait, and gives organizations their turns."""

from aasim_core.jobs.waiting_jobs import NOWHERE, Place, WaitingJobs

EARLY, LATE = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z"


def remembered(*places: Place) -> WaitingJobs:
    waiting = WaitingJobs()
    waiting.add(places)
    return waiting


def test_organizations_follow_each_other_by_id_and_the_first_follows_the_last() -> None:
    waiting = remembered(Place("b", 0, EARLY), Place("a", 0, EARLY))
    turns = [waiting.next(last).organization_id for last in ("", "a", "b", "c")]
    assert turns == ["a", "b", "a", "a"]


def test_the_highest_priority_of_an_organization_comes_first() -> None:
    waiting = remembered(Place("a", -1, EARLY), Place("a", 9, LATE))
    assert waiting.next("") == Place("a", 9, LATE)
    waiting.remove(Place("a", 9, LATE))
    assert waiting.next("") == Place("a", -1, EARLY)


def test_what_is_added_again_begins_with_the_earlier_one() -> None:
    waiting = remembered(Place("a", 0, EARLY), Place("a", 0, LATE))
    assert waiting.next("") == Place("a", 0, EARLY)
    waiting.replace(Place("a", 0, LATE))
    assert waiting.next("") == Place("a", 0, LATE)


def test_without_a_place_nothing_waits() -> None:
    waiting = remembered(Place("a", 0, EARLY))
    waiting.remove(Place("a", 0, LATE))
    waiting.remove(Place("b", 0, LATE))
    assert not waiting
    assert waiting.next("") == NOWHERE
