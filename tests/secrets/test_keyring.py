"""Keys: values are sealed for one place and never shown, and a ring can be rotated."""

import copy
import json
import pickle
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.secrets import Key, Keyring, Place, Secret, Unreadable, new_key

PLACE = Place("connected_apps_app", "token", "organization_a", "app_1")


@pytest.fixture
def keyring() -> Keyring:
    return Keyring([new_key()])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens_in_the_same_place(text: str) -> None:
    keyring = Keyring([Key("k1", bytes(range(32)))])
    assert keyring.open(keyring.seal(Secret(text), PLACE), PLACE).reveal() == text


@pytest.mark.parametrize("part", ["table", "column", "organization_id", "row_id"])
def test_a_sealed_value_does_not_open_elsewhere(keyring: Keyring, part: str) -> None:
    sealed = keyring.seal(Secret("hush"), PLACE)
    with pytest.raises(Unreadable):
        keyring.open(sealed, replace(PLACE, **{part: "other"}))


def test_places_that_concatenate_alike_are_different(keyring: Keyring) -> None:
    sealed = keyring.seal(Secret("hush"), Place("ab", "c", "d", "e"))
    with pytest.raises(Unreadable):
        keyring.open(sealed, Place("a", "bc", "d", "e"))


def test_no_changed_character_of_a_sealed_value_opens(keyring: Keyring) -> None:
    sealed = keyring.seal(Secret("hush"), PLACE)
    for position, character in enumerate(sealed):
        for other in {"A", "b", ".", "é"} - {character}:
            with pytest.raises(Unreadable):
                keyring.open(sealed[:position] + other + sealed[position + 1 :], PLACE)


@pytest.mark.parametrize("sealed", ["", "..", "v1.k1.", "plain text", "v1.k1.AAAA", "v2.k1." + "A" * 40])
def test_what_was_never_sealed_is_unreadable(sealed: str) -> None:
    with pytest.raises(Unreadable):
        Keyring([Key("k1", bytes(range(32)))]).open(sealed, PLACE)


def test_the_same_value_is_sealed_differently_each_time(keyring: Keyring) -> None:
    assert keyring.seal(Secret("hush"), PLACE) != keyring.seal(Secret("hush"), PLACE)


def test_a_rotated_ring_opens_old_values_and_seals_with_the_new_key(keyring: Keyring) -> None:
    old = keyring.seal(Secret("hush"), PLACE)
    rotated = keyring.rotated()
    assert rotated.open(old, PLACE).reveal() == "hush"
    renewed = rotated.reseal(old, PLACE)
    assert renewed is not None
    assert rotated.reseal(renewed, PLACE) is None
    with pytest.raises(Unreadable, match="has no key"):
        keyring.open(renewed, PLACE)


def test_a_signature_is_good_for_its_purpose_and_data_only(keyring: Keyring) -> None:
    signature = keyring.sign("cursor", b"page 2")
    assert keyring.verify("cursor", b"page 2", signature)
    assert keyring.rotated().verify("cursor", b"page 2", signature)
    assert not keyring.verify("access-token", b"page 2", signature)
    assert not keyring.verify("cursor", b"page 3", signature)
    assert not Keyring([new_key()]).verify("cursor", b"page 2", signature)
    assert not keyring.verify("cursor", b"page 2", b"")


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}"]
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize("spread", [json.dumps, orjson.dumps, pickle.dumps, copy.copy, copy.deepcopy, hash])
def test_a_secret_refuses_to_be_copied_away(spread: object) -> None:
    with pytest.raises(TypeError):
        spread(Secret("hunter2"))  # type: ignore[operator]


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_a_ring_and_its_keys_do_not_show_their_material(keyring: Keyring) -> None:
    material = json.loads(keyring.dumped())["keys"][0]["key"]
    assert material not in repr(keyring)
    assert "material" not in repr(new_key())
