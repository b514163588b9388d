"""Passwords: what is accepted, and how hashing behaves under load."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import Invalid, Refused
from aasim_core.identity import passwords as module
from aasim_core.identity.passwords import Passwords, require_strong

GOOD = "gravel-tulip-orbit-94"


def code_of(password: str, *context: str) -> str | None:
    try:
        require_strong(password, context=context)
    except Invalid as refusal:
        return refusal.problems["password"][0].code
    return None


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "correct pony battery nail",
        "dragon castle river",
        "8#kQz!vR2@mX",
        "4829103857261940",
        "пароль-из-трёх-слов",
        "密碼由許多不同的漢字組成的很長",
        "a" * 4 + "mongoose parliament",
        "x7Gh2kPq9LmN",
        "🐎🔋🧷🍏🚲🎈🪁🧊🌋🛶🎻🧭",
    ],
)
def test_a_password_that_is_hard_to_guess_is_accepted(password: str) -> None:
    assert code_of(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2024!",
        "P@ssw0rd!!2024",
        "passwordpassword",
        "qwertyuiop12",
        "QwertyUiop[]",
        "123456789012",
        "aaaaaaaaaaaa",
        "abababababab",
        "abcabcabcabc",
        "abcdefghijkl",
        "zyxwvutsrqpo",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "letmeinletmein",
        "iloveyou2024",
        "Summer2024!!",
        "winter-2025-winter",
        "adminadmin123",
        "changeme12345",
        "administrator",
        "correcthorsebatterystaple",
        "charliecharlie",
        "ThisIsMyPassword",
        "welcome-welcome",
        "!@#$%^&*()_+",
        "monkey dragon!",
        "trustno1trustno1",
        "111122223333",
        "aasim-aasim-aasim",
        "Aasim2026!!!!",
        "hello world 123",
        "            ",
    ],
)
def test_a_password_that_guessing_finds_early_is_refused(password: str) -> None:
    assert code_of(password) == "weak_password"


@pytest.mark.parametrize(
    "password", ["olumide.adeyemi1", "AdeyemiOlumide!", "0lumide-adeyemi", "adeyemi-widgets-99", "Olumide123456"]
)
def test_a_password_made_of_what_is_known_of_the_person_is_refused(password: str) -> None:
    assert code_of(password, "olumide.adeyemi@widgets.example", "Olumide Adeyemi") == "weak_password"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "too_short"),
        ("8#kQz!vR2@m", "too_short"),
        (GOOD * 13, "too_long"),
        (GOOD + "\0", "invalid_characters"),
        (GOOD + "\n", "invalid_characters"),
        (GOOD + "\ud800", "invalid_characters"),
    ],
)
def test_a_password_of_the_wrong_form_is_refused(password: str, code: str) -> None:
    assert code_of(password) == code


def test_the_longest_password_is_accepted_and_hashed_as_a_whole() -> None:
    longest = (GOOD * 13)[:256]
    require_strong(longest)
    hasher = Passwords()
    assert not hasher.verify(hasher.hash(longest), longest[:-1])


@pytest.mark.long
@given(st.text(max_size=300), st.text(max_size=40))
def test_no_text_breaks_the_check(password: str, name: str) -> None:
    assert code_of(password, name) in {None, "too_short", "too_long", "invalid_characters", "weak_password"}


def test_a_password_verifies_against_its_own_hash_only() -> None:
    hasher = Passwords()
    stored = hasher.hash(GOOD)
    assert hasher.verify(stored, GOOD)
    assert not hasher.verify(stored, GOOD + "x")
    assert hasher.hash(GOOD) != stored
    assert GOOD not in stored


def test_a_password_verifies_however_its_accents_were_typed() -> None:
    hasher = Passwords()
    assert hasher.verify(hasher.hash("Cafe\u0301-gravel-orbit"), "Caf\u00e9-gravel-orbit")


def test_nothing_verifies_where_no_hash_is_stored() -> None:
    assert not Passwords().verify(None, GOOD)
    assert not Passwords().verify("", GOOD)
    assert not Passwords().verify("not a hash", GOOD)


def test_the_hash_has_the_parameters_of_the_decision_and_so_has_the_one_of_nobody() -> None:
    parameters = re.compile(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}")
    stored = Passwords().hash(GOOD)
    assert parameters.fullmatch(stored)
    assert parameters.fullmatch(module._NOBODY)
    assert not Passwords().is_outdated(stored)
    assert Passwords().is_outdated(stored.replace("t=2", "t=1"))


def in_another_thread(call: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_hashing_beyond_the_slots_is_refused_as_busy_after_the_wait() -> None:
    hasher = Passwords(slots=1, wait_seconds=0.01)
    with hasher.turn(), pytest.raises(Refused) as caught:
        in_another_thread(lambda: hasher.hash(GOOD))
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "busy", 1)
    assert in_another_thread(lambda: hasher.hash(GOOD))


def test_hashing_inside_a_turn_needs_no_other_slot() -> None:
    hasher = Passwords(slots=1, wait_seconds=0)
    with hasher.turn():
        assert hasher.verify(hasher.hash(GOOD), GOOD)
        with pytest.raises(Refused):
            in_another_thread(lambda: hasher.verify(None, GOOD))


@pytest.mark.long
def test_a_slot_is_free_again_after_use_and_after_an_error() -> None:
    hasher = Passwords(slots=2, wait_seconds=0)
    for stored in (None, "not a hash", hasher.hash(GOOD)) * 3:
        hasher.verify(stored, GOOD)
    assert in_another_thread(lambda: hasher.hash(GOOD))
