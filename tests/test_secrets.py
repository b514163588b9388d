"""Secrets at rest: sealed for one place, never shown, in a key ring that can be rotated."""

import copy
import json
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.errors import StartupError
from aasim_core.secrets import Key, Keyring, Place, Secret, Unreadable, load_keyring, new_key, parse_keys, save_keyring

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


def test_a_saved_ring_is_read_back_and_private(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring.rotated(), path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keyring(path).open(keyring.seal(Secret("hush"), PLACE), PLACE).reveal() == "hush"
    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o620, 0o644, 0o602, 0o601])
def test_a_key_file_that_others_can_touch_stops_the_start(tmp_path: Path, keyring: Keyring, mode: int) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    path.chmod(mode)
    with pytest.raises(StartupError, match=f"run: chmod 600 {path}"):
        load_keyring(path)


def test_an_absent_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="there is no key file"):
        load_keyring(tmp_path / "keys.json")


def test_a_folder_in_the_place_of_the_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError):
        load_keyring(tmp_path)


GOOD_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("nonsense hunter2", "not JSON"),
        ("[]", "a part is missing"),
        ("{}", "a part is missing"),
        ('{"keys": []}', "at least one key"),
        ('{"keys": [{"id": "k1"}]}', "a part is missing"),
        ('{"keys": [{"id": "k1", "key": "c2hvcnQ"}]}', "32 bytes"),
        ('{"keys": [{"id": "k1", "key": 5}]}', "32 bytes"),
        ('{"keys": [{"id": "k1", "key": "%%%%"}]}', "not base64url"),
        (json.dumps({"keys": [{"id": "k1", "key": "A" * 43}]}), "example"),
        (json.dumps({"keys": [{"id": "k 1", "key": GOOD_KEY}]}), "letters and digits"),
        (json.dumps({"keys": [{"id": "k1", "key": GOOD_KEY}] * 2}), "same id"),
    ],
)
def test_a_malformed_ring_stops_the_start_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(StartupError, match=reason) as caught:
        parse_keys(text, "secrets.keys")
    assert "hunter2" not in str(caught.value)
    assert "secrets.keys" in str(caught.value)


def test_a_running_process_opens_at_once_what_another_sealed_with_a_new_key(tmp_path: Path, keyring: Keyring) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    old = running.seal(Secret("old"), PLACE)
    save_keyring(keyring.rotated(), path)
    sealed = load_keyring(path).seal(Secret("new"), PLACE)
    assert running.open(sealed, PLACE).reveal() == "new"
    assert running.open(old, PLACE).reveal() == "old"
    assert running.reseal(old, PLACE) is not None


def test_a_running_process_uses_a_new_key_within_seconds(
    tmp_path: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    save_keyring(keyring, path)
    running = load_keyring(path)
    assert running.key_ids == keyring.key_ids
    rotated = keyring.rotated()
    save_keyring(rotated, path)
    later = time.monotonic() + 6
    monkeypatch.setattr("aasim_core.secrets.monotonic", lambda: later)
    assert running.key_ids == rotated.key_ids


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{}"), lambda path: path.chmod(0o644)])
def test_a_running_process_keeps_its_keys_when_the_file_is_spoilt(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    path = tmp_path / "keys.json"
    save_keyring(Keyring([new_key()]), path)
    running = load_keyring(path)
    sealed = running.seal(Secret("hush"), PLACE)
    spoil(path)
    with pytest.raises(Unreadable):
        running.open(sealed.replace(running.key_ids[0], "k2"), PLACE)
    assert running.open(sealed, PLACE).reveal() == "hush"
